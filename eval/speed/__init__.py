"""How fast it is: questions, builds, start and growth, beside the machine's limits and a rival in the same run."""
