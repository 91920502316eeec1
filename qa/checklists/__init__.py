"""Checklists: questions that are put to every policy alike, and what silence on each means."""
