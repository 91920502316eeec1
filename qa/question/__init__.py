"""A question is understood: whom it is about, what it asks, and whether it is one for policies. It does not search."""
