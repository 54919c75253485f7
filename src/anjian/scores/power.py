"""What a comparison can prove, stated before anything is asked.

From how many items there are, how many replies each takes, and on how many replies two models like these agree: which
rise would be proven, which fall would be ruled out, and whether the margin is within reach at all.
"""

from collections.abc import Iterable, Sequence
from math import sqrt

import msgspec
import numpy as np

from anjian.scores.gates import Criteria
from anjian.scores.paired import Items, Metric
from anjian.scores.paired_tests import Z_ONE_SIDED, items_needed

CHANCE = 0.8
"""How surely a rise is to be proven, and a fall ruled out."""
FLIPS = 0.1
"""The share of replies on which two models differ, where nobody has seen it."""


class Sample(msgspec.Struct, frozen=True):
    """What one metric is measured on.

    Attributes:
        items: How many.
        replies: To each of them: its rounds, times its repetitions.
        flips: The share of replies whose worth differs between the models, by chance.
        observed: True if finished runs show it.
    """

    metric: Metric
    items: int
    replies: int
    flips: float
    observed: bool = False


class Power(msgspec.Struct, frozen=True):
    """What a sample can prove; changes are fractions of the best.

    Attributes:
        rise: The smallest true change that is proven in four of five comparisons.
        fall: The smallest margin within which no change is shown to be in four of five.
        holds: How often the margin holds if nothing changes.
        needed: How many items it takes to show the margin at all.
    """

    sample: Sample
    rise: float
    fall: float
    holds: float
    needed: float = 0

    @property
    def short(self) -> bool:
        """True if there are too few items to show the margin, even if not one of them changes."""
        return self.sample.items < self.needed


def observed(metric: Metric, items: Items, replies: int) -> Sample:
    """A sample that was drawn: its flips are those that would spread the items' differences as far as they are."""
    moved = items.table[:, 1] - items.table[:, 0]
    return Sample(metric, len(moved), replies, float(np.var(moved)) * replies, observed=True)


def powers(samples: Iterable[Sample], criteria: Criteria, tests: int) -> list[Power]:
    """What each sample can prove.

    Args:
        samples: What there is to compare.
        criteria: What is demanded.
        tests: How many metrics Holm's correction is over; the first has to be the surest.
    """
    return [_power(sample, criteria, tests) for sample in samples if sample.items]


def _power(sample: Sample, criteria: Criteria, tests: int) -> Power:
    from scipy.stats import norm

    # Where nothing flips, limits are as wide as those of one item that might.
    error = sqrt(max(sample.flips / sample.replies, 1 / sample.items) / sample.items)
    surely = float(norm.ppf(CHANCE))
    rise = (float(norm.isf(criteria.alpha / (2 * tests))) + surely) * error
    needed = items_needed(criteria.margin)
    holds = float(norm.cdf(criteria.margin / error - Z_ONE_SIDED)) if sample.items >= needed else 0.0
    return Power(sample, min(1.0, rise), min(1.0, (Z_ONE_SIDED + surely) * error), holds, needed)


def all_hold(found: Sequence[Power]) -> float:
    """How often all margins hold if nothing changes, taken to be independent."""
    return float(np.prod([one.holds for one in found]))
