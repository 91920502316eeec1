"""Comparisons as tables: CSV, JSON lines, Markdown, HTML, XLSX and for the terminal."""
