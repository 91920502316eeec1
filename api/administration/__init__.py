"""Policies that are uploaded and removed while the service answers."""
