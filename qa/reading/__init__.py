"""Passages are read: how each answers, and which of its sentences say so."""
