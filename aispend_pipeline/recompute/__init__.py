"""Days made again when somebody asks for it over HTTP: one request at a time, and what became of each."""
