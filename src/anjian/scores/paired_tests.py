"""Tests and intervals of paired differences, one an item.

Where every item is right or wrong, McNemar's test (1947) is used, exact below 25 discordant items; elsewhere a
permutation test that flips the signs of the items' differences, exact where few items differ.
"""

from math import ceil, comb, erfc, inf, sqrt
from typing import Literal

import numpy as np

from anjian.scores.bootstrap import Numbers

EXACT_BELOW = 25
"""Discordant items from which on McNemar's test uses the chi-square distribution."""
PERMUTATIONS = 9999
FIRST_PERMUTATIONS = 499
"""Drawn first: where more than a fifth of them are as far from zero, the rest would find nothing."""
Z_ONE_SIDED = 1.7506860712521692
"""The 96% quantile of the normal distribution: a fall by the whole margin passes in 4 of 100, with room below 5."""
_ALL_SIGNS = 13
"""Items that differ up to which every pattern of signs is looked at."""
Test = Literal["mcnemar-exact", "mcnemar", "permutation", "none"]


def tested(table: Numbers) -> tuple[float, Test]:
    """The two-sided p value of a change, and which test gave it; takes (items, 2), before and after."""
    difference = table[:, 1] - table[:, 0]
    if np.isin(table, (0.0, 1.0)).all():
        up, down = int((difference > 0).sum()), int((difference < 0).sum())
        return _mcnemar(up, down), "mcnemar-exact" if up + down < EXACT_BELOW else "mcnemar"
    return _sign_flips(difference[difference != 0]), "permutation"


def _mcnemar(up: int, down: int) -> float:
    n = up + down
    if n < EXACT_BELOW:
        return min(1.0, sum(comb(n, k) for k in range(min(up, down) + 1)) / 2.0 ** (n - 1))
    # The chi-square distribution of one degree of freedom.
    return erfc(max(0, abs(up - down) - 1) / sqrt(2 * n))


def _sign_flips(moved: Numbers) -> float:
    """How often random signs give a sum as far from zero as these differences, none of which is zero."""
    if not len(moved):
        return 1.0
    seen = abs(moved.sum()) - 1e-9
    if len(moved) <= _ALL_SIGNS:
        patterns = np.arange(2 ** len(moved))[:, None] >> np.arange(len(moved)) & 1
        return float((np.abs((2 * patterns - 1) @ moved) >= seen).mean())
    sizes, counts = np.unique(np.abs(moved), return_counts=True)
    random, drawn, as_far = np.random.default_rng(0), 0, 0
    for draws in (FIRST_PERMUTATIONS, PERMUTATIONS - FIRST_PERMUTATIONS):
        # Of differences of one size only the number of plus signs matters.
        plus = random.binomial(counts, 0.5, size=(draws, len(counts)))
        as_far, drawn = as_far + int((np.abs((2 * plus - counts) @ sizes) >= seen).sum()), drawn + draws
        if as_far > drawn / 5:
            break
    return (as_far + 1) / (drawn + 1)


def limits(difference: Numbers, z: float = Z_ONE_SIDED) -> tuple[float, float]:
    """The limits of a mean difference in [-1, 1], by default one-sided 96%; few or equal items keep them apart.

    The score limits of Tango (1998, Statistics in Medicine 17), by which a change is held against the margin as if the
    margin were the truth. Where items change by less than all, they are counted in steps of their mean size; the limits
    are never closer than where no item changes, as nobody knows how far the next would.
    """
    n, moved = len(difference), float(np.abs(difference).sum())
    step = float((difference**2).sum()) / moved if moved else 1.0
    up, down = (float(part.clip(0).sum()) / step for part in (difference, -difference))
    mean, least = float(difference.mean()), z**2 / (n + z**2)
    low, high = step * _lower(up, down, n, z), -step * _lower(down, up, n, z)
    return max(-1.0, min(low, mean - least)), min(1.0, max(high, mean + least))


def items_needed(margin: float) -> float:
    """The fewest items on which a margin can be shown to hold, which takes that not one of them changes."""
    return ceil(Z_ONE_SIDED**2 * (1 - margin) / margin) if margin else inf


def _lower(up: float, down: float, n: int, z: float) -> float:
    """The smallest true change that so many items of `n` that rose and fell do not rule out."""
    low, high, seen = -1.0, (up - down) / n, (up - down) / n
    for _ in range(30):
        change = (low + high) / 2
        # The share of items that fall, as likely as can be if that is the true change.
        b, c = (2 * n - up + down) * change - up - down, -down * change * (1 - change)
        falling = (sqrt(max(0.0, b * b - 8 * n * c)) - b) / (4 * n)
        spread = max(0.0, 2 * falling + change * (1 - change)) / n
        if seen - change > z * sqrt(spread):
            low = change
        else:
            high = change
    return high
