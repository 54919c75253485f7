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
    random = _seeded(name)
    size = max(1, min(RESAMPLES, _MOST_DRAWS // items))
    for start in range(0, RESAMPLES, size):
        rows = min(size, RESAMPLES - start)
        drawn = random.integers(0, items, size=(rows, items)) + items * np.arange(rows)[:, None]
        yield np.bincount(drawn.ravel(), minlength=rows * items).reshape(rows, items).astype(np.float64)


def mean_interval(values: Numbers, name: str) -> tuple[float, float]:
    """The 95% percentile interval of a mean over items; `name` seeds the drawing.

    Items of equal value are drawn together, by how many of them a resample holds: the same distribution, sooner.
    """
    different, counts = np.unique(values, return_counts=True)
    drawn = _seeded(name).multinomial(len(values), counts / len(values), size=RESAMPLES)
    low, high = np.percentile(drawn @ different / len(values), [2.5, 97.5])
    return float(low), float(high)


def _seeded(name: str) -> np.random.Generator:
    return np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]))
