"""Questions understood, passages found, answers made of quotes. It does not know HTTP."""
