"""Names of the ids that rows carry: projects, workspaces, API keys, users and the organisation itself.

Read once a day; a name that was ever seen is kept, and joined to rows when people look.
"""
