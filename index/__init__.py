"""Policies read, split, attributed, embedded, kept and opened again. It does not know questions."""

import os

# NumPy's and faiss's OpenBLAS reads this when it is loaded: its threads sleep at once when they have nothing to do,
# instead of spinning for a tenth of a second on cores that the models need (decision 72).
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")
