"""Real-looking policies in HTML, PDF and DOCX with the truth of what they say, and how much of it parsers give back."""
