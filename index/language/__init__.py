"""What is particular to a language: sentences, dates, which language a text is in."""
