"""Intervals for rates and means: of independent replies, and of replies that belong together.

Replies to one item (rounds of a dialogue, samples of a problem) depend on each other, so what varies is the item. Where
every item has one scored reply, a rate has the interval of Wilson (1927). Elsewhere it has that of `bounded_mean`,
which takes items as they are: narrower where the replies of an item differ, wider where they are all the same.
"""

from collections.abc import Iterator, Mapping
from math import sqrt

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Ends = tuple[float | None, float | None, float | None]
"""Value, low and high; None where nothing was scored."""

Z95 = 1.959963984540054
"""The 97.5% quantile of the normal distribution: two-sided 95% intervals."""
_DRAWS = 10_000
_FEWEST_DRAWS = 2000
_MOST_AT_ONCE = 4_000_000
"""Weights held in memory at once."""


def wilson(rate: float, n: float, z: float = Z95) -> tuple[float, float]:
    """The Wilson score interval (Wilson 1927) of a rate in [0, 1] seen on `n` > 0 independent items."""
    centre = rate + z * z / (2 * n)
    spread = z * sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def share(items: Mapping[tuple[float, int], int]) -> Ends:
    """Value, low and high of a rate.

    Args:
        items: Hits and scored replies of an item, to how many items have them.
    """
    scored = sum(replies * copies for (_, replies), copies in items.items())
    if not scored:
        return None, None, None
    if all(replies <= 1 for _, replies in items):
        value = sum(hits * copies for (hits, _), copies in items.items()) / scored
        low, high = wilson(value, scored)
    else:
        table = np.array([(*pair, copies) for pair, copies in sorted(items.items())], dtype=np.float64)
        value, low, high = bounded_mean(table[:, 0], table[:, 1], table[:, 2])
    return round(value, 6), round(low, 6), round(high, 6)


def bounded_mean(
    sums: Numbers, sizes: Numbers, copies: Numbers | None = None, ends: tuple[float, float] = (0.0, 1.0)
) -> tuple[float, float, float]:
    """The mean over replies with its 95% interval, from whole items, however few or alike they are.

    Each end is a quantile of the mean under random weights of the items (uniform on the simplex, as in the Bayesian
    bootstrap), where one more item is assumed that nobody saw: the worst possible for the low end, the best for the
    high one (Gaffke 2005; Learned-Miller and Thomas, arXiv 1905.06208). For items that are all or nothing this is the
    exact interval of Clopper and Pearson (1934). The unseen item has as many replies as the item of an average reply.

    Args:
        sums: What the replies of an item add up to, (kinds of item,).
        sizes: How many replies they are, (kinds of item,); not all 0.
        copies: How many items are of each kind; by default one.
        ends: Between what a reply lies.
    """
    if copies is None:
        pairs, counts = np.unique(sums + 1j * sizes, return_counts=True)
        sums, sizes, copies = pairs.real, pairs.imag, counts.astype(np.float64)
    sums, sizes, copies = (part[sizes > 0] for part in (sums, sizes, copies))
    size = (copies @ sizes**2) / (copies @ sizes)
    lows, highs = [], []
    for weights, unseen in weighed(copies, 1):
        replies, extra = weights @ sizes, size * unseen[:, 0]
        lows.append((weights @ sums + ends[0] * extra) / (replies + extra))
        highs.append((weights @ sums + ends[1] * extra) / (replies + extra))
    value = (copies @ sums) / (copies @ sizes)
    low, high = quantiles(lows, highs)
    return float(value), low, high


def weighed(copies: Numbers, unseen: int) -> Iterator[tuple[Numbers, Numbers]]:
    """Yields chunks of random weights of kinds of item and of unseen items, (draws, kinds) and (draws, unseen).

    The weights of like items are drawn as one sum, so that time does not grow with their number; equal data have equal
    weights.
    """
    random = np.random.default_rng(0)
    draws = min(_DRAWS, max(_FEWEST_DRAWS, 1000 * _DRAWS // len(copies)))
    chunk = max(1, _MOST_AT_ONCE // len(copies))
    for start in range(0, draws, chunk):
        rows = min(chunk, draws - start)
        yield random.standard_gamma(copies, (rows, len(copies))), random.standard_exponential((rows, unseen))


def quantiles(lows: list[Numbers], highs: list[Numbers]) -> tuple[float, float]:
    """The low and the high end from draws of each."""
    return float(np.quantile(np.concatenate(lows), 0.025)), float(np.quantile(np.concatenate(highs), 0.975))
