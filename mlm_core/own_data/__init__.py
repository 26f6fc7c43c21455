"""A reader's own file: bytes, columns, and the report of three fits."""
