"""What is decided: how much of which cap is used, and which events that makes. Nothing here sends anything."""
