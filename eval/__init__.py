"""Labelled questions put to the running code, and what comes back measured."""
