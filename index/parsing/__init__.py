"""Bytes become documents: text, blocks and what the file says of itself. It does not know companies or passages."""
