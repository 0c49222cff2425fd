"""The query service: answers over HTTP, only ever from published snapshots."""
