"""Tests and intervals of paired differences, one an item.

Where every item is right or wrong, McNemar's test (1947) is used, exact below 25 discordant items; elsewhere a
permutation test that flips the signs of the items' differences, exact where few items differ.
"""

from math import sqrt
from typing import Literal

import numpy as np

from anjian.scores.bootstrap import Numbers

EXACT_BELOW = 25
"""Discordant items from which on McNemar's test uses the chi-square distribution."""
PERMUTATIONS = 9999
Z_ONE_SIDED = 1.7506860712521692
"""The 96% quantile of the normal distribution: a fall by a whole margin passes in 4 of 100, and with what approximation
adds, in fewer than 5."""
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
    from scipy import stats

    if up + down < EXACT_BELOW:
        return float(stats.binomtest(up, up + down).pvalue) if up + down else 1.0
    return float(stats.chi2.sf((abs(up - down) - 1) ** 2 / (up + down), 1))


def _sign_flips(moved: Numbers) -> float:
    """How often random signs give a sum as far from zero as these differences, none of which is zero."""
    if not len(moved):
        return 1.0
    seen = abs(moved.sum()) - 1e-9
    if len(moved) <= _ALL_SIGNS:
        patterns = np.arange(2 ** len(moved))[:, None] >> np.arange(len(moved)) & 1
        return float((np.abs((2 * patterns - 1) @ moved) >= seen).mean())
    sizes, counts = np.unique(np.abs(moved), return_counts=True)
    # Of differences of one size only the number of plus signs matters.
    plus = np.random.default_rng(0).binomial(counts, 0.5, size=(PERMUTATIONS, len(counts)))
    as_far = int((np.abs((2 * plus - counts) @ sizes) >= seen).sum())
    return (as_far + 1) / (PERMUTATIONS + 1)


def limits(difference: Numbers) -> tuple[float, float]:
    """The two one-sided 96% limits of a mean difference in [-1, 1]; they do not collapse where few items differ.

    Agresti and Min (2005, Statistics in Medicine 24) add half an item to each of the four cells of the paired table:
    two more items, of which half a one gained and half a one lost everything.
    """
    n = len(difference) + 2
    mean = float(difference.sum()) / n
    square = (float((difference**2).sum()) + 1) / n
    spread = Z_ONE_SIDED * sqrt(max(0.0, square - mean**2) / n)
    return max(-1.0, mean - spread), min(1.0, mean + spread)
