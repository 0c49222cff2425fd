"""From pages to typed records to rows: one module and one SQL file for each source."""
