"""Policies read, split, attributed, embedded, kept and opened again. It does not know questions."""
