"""The bootstrap over items (Efron 1979): draws of whole items with replacement, the same for the same name."""

import hashlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
_MOST_DRAWS = 4_000_000
"""Draws held in memory at once."""

Numbers = NDArray[np.float64]


def resamples(items: int, name: str) -> Iterator[Numbers]:
    """Yields chunks of (resamples, items) counts of how often each item was drawn.

    Args:
        items: How many there are to draw from, and how many are drawn each time.
        name: Seeds the drawing, so that equal data give equal intervals.
    """
    random = np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]))
    size = max(1, min(RESAMPLES, _MOST_DRAWS // items))
    for start in range(0, RESAMPLES, size):
        rows = min(size, RESAMPLES - start)
        drawn = random.integers(0, items, size=(rows, items)) + items * np.arange(rows)[:, None]
        yield np.bincount(drawn.ravel(), minlength=rows * items).reshape(rows, items).astype(np.float64)
