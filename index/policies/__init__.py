"""Documents become policies: whose they are, which document, from when, and split into passages."""
