"""Logits as probabilities. It does not know of what."""

import numpy as np

# Beyond it nothing changes in a float's sixth digit, and exp() of single precision overflows further out.
_FURTHEST = 30.0


def softmax(logits: np.ndarray) -> np.ndarray:
    """The probabilities of classes whose `logits` are along the last axis: same shape, sums of 1 along it.

    >>> softmax(np.array([0.0, 0.0])).tolist()
    [0.5, 0.5]
    """
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    found: np.ndarray = raised / raised.sum(axis=-1, keepdims=True)
    return found


def probability(logits: np.ndarray | np.float64) -> np.ndarray:
    """The logistic function of each of `logits`, in (0, 1).

    >>> probability(np.array([-1000.0, 0.0, 2.0])).round(3).tolist()
    [0.0, 0.5, 0.881]
    """
    found: np.ndarray = 1.0 / (1.0 + np.exp(-np.clip(logits, -_FURTHEST, _FURTHEST)))
    return found
