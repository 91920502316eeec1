"""HTTP, command line and chat page over `qa`. Nothing imports it."""
