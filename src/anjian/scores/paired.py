"""Two models on the same items: what changed, how certain that is, and which items flipped.

Items are the unit: the rounds and repetitions of an item are averaged before anything is tested. Where every item is
right or wrong, McNemar's test (1947) is used, exact below 25 discordant items; elsewhere a permutation test that flips
the signs of the items' differences. Intervals are percentile bootstraps over items. P values are corrected by Holm
(1979) over all metrics of a pair of models.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import sqrt
from typing import Literal

import msgspec
import numpy as np

from anjian.judges.base import NO_ANSWER
from anjian.scores.bootstrap import Numbers, resamples
from anjian.scores.intervals import Z95
from anjian.scores.measures import Measure, Role
from anjian.scores.rows import Verdicted

EXACT_BELOW = 25
"""Discordant items from which on McNemar's test uses the chi-square distribution."""
PERMUTATIONS = 9999
Test = Literal["mcnemar-exact", "mcnemar", "permutation", "none"]
Cell = tuple[str, int, int]
"""One reply: its item, repetition and round."""


class Metric(msgspec.Struct, frozen=True):
    """What is compared: one column of the table.

    Attributes:
        group_kind: `overall`, or the kind of the group, as in `scores.json`.
        higher: True if a higher value is better.
        role: What it decides; see `anjian.scores.measures`.
        best: What the best reply counts: 1 for rates, 100 for scores.
    """

    suite: str
    task: str
    metric: str
    group_kind: str = "overall"
    group: str = "overall"
    higher: bool = True
    role: Role = "safety"
    best: float = 1.0

    @property
    def points(self) -> float:
        """What a value is multiplied by to be shown in points of 100."""
        return 100 / self.best


class Change(msgspec.Struct, frozen=True):
    """How one metric differs between two models, over the items that both were scored on.

    Attributes:
        metric: What is compared.
        n: Items compared.
        left_out: Items of either model that lack a scored counterpart.
        before: Mean over the items compared, first model; rates are fractions, scores 0 to 100.
        after: The same, second model.
        change: `after - before`.
        low: Lower end of its 95% interval.
        high: Upper end.
        bound_low: Lower end of an interval that stays honest for few or equal items (Agresti and Min 2005).
        bound_high: Its upper end.
        p: Two-sided, uncorrected.
        p_holm: Corrected over all metrics of this pair of models.
        test: Which test gave it.
        improved: Ids of the items that got better.
        worsened: Ids of the items that got worse.
    """

    metric: Metric
    n: int
    left_out: int
    before: float | None = None
    after: float | None = None
    change: float | None = None
    low: float | None = None
    high: float | None = None
    bound_low: float | None = None
    bound_high: float | None = None
    p: float | None = None
    p_holm: float | None = None
    test: Test = "none"
    improved: tuple[str, ...] = ()
    worsened: tuple[str, ...] = ()

    @property
    def gain(self) -> float | None:
        """The change, counted so that more is better."""
        return self.change if self.change is None or self.metric.higher else -self.change

    def proven(self, alpha: float) -> bool:
        """True if the difference is significant after Holm's correction."""
        return self.p_holm is not None and self.p_holm < alpha


def paired_change(metric: Metric, measure: Measure, before: Iterable[Verdicted], after: Iterable[Verdicted]) -> Change:
    """Compares two models on one metric.

    Args:
        metric: The column.
        measure: What a verdict's points count for it; no ratio, see `anjian.scores.paired_ratios`.
        before: Verdicts of the first model, of the metric's task and group only.
        after: Verdicts of the second.

    Example:
        >>> from anjian.names import NAMELESS
        >>> rr1 = Measure(name="rr1", title=NAMELESS, value=lambda degree: degree >= 2)
        >>> line = Verdicted("1", "refusal", "年龄歧视", "rules-v1", points=0)
        >>> better = msgspec.structs.replace(line, points=2)
        >>> paired_change(Metric("chisafety", "refusal", "rr1"), rr1, [line], [better]).improved
        ('1',)
    """
    value = measure.value
    assert value is not None  # noqa: S101  (ratios are compared elsewhere)
    first, second = _cells(before, measure.silence), _cells(after, measure.silence)
    shared = [cell for cell, points in first.items() if points is not None and second.get(cell) is not None]
    sums: dict[str, list[float]] = {}
    for cell in shared:
        ends = (first[cell], second[cell])
        found = sums.setdefault(cell[0], [0.0, 0.0, 0.0])
        for place, points in enumerate(ends):
            found[place] += value(points or 0)
        found[2] += 1
    everybody = {cell[0] for cell in (*first, *second)}
    left_out = len(everybody) - len(sums)
    if not sums:
        return Change(metric, 0, left_out)
    table = np.array([(a / n, b / n) for a, b, n in sums.values()]) / metric.best
    return _changed(metric, list(sums), table, left_out)


def _cells(verdicts: Iterable[Verdicted], silence: int | None) -> dict[Cell, int | None]:
    return {
        (verdict.id, verdict.epoch, verdict.round): silence if verdict.unscored == NO_ANSWER else verdict.points
        for verdict in verdicts
    }


def _changed(metric: Metric, ids: Sequence[str], table: Numbers, left_out: int) -> Change:
    """Takes fractions of the best reply, (items, 2)."""
    difference = table[:, 1] - table[:, 0]
    p, test = _tested(table)
    before, after = (float(mean) for mean in table.mean(axis=0))
    low, high = _percentiles(difference, "/".join((metric.suite, metric.metric, metric.group)))
    bounds = pseudo_interval(difference)
    better = difference if metric.higher else -difference

    def shown(share: float) -> float:
        return round(share * metric.best, 6)

    return Change(
        metric,
        len(ids),
        left_out,
        before=shown(before),
        after=shown(after),
        change=shown(after - before),
        low=shown(low),
        high=shown(high),
        bound_low=shown(bounds[0]),
        bound_high=shown(bounds[1]),
        p=p,
        test=test,
        improved=tuple(name for name, way in zip(ids, better, strict=True) if way > 0),
        worsened=tuple(name for name, way in zip(ids, better, strict=True) if way < 0),
    )


def _tested(table: Numbers) -> tuple[float, Test]:
    from scipy import stats

    difference = table[:, 1] - table[:, 0]
    if np.isin(table, (0.0, 1.0)).all():
        up, down = int((difference > 0).sum()), int((difference < 0).sum())
        if up + down < EXACT_BELOW:
            return (float(stats.binomtest(up, up + down).pvalue) if up + down else 1.0), "mcnemar-exact"
        square = (abs(up - down) - 1) ** 2 / (up + down)
        return float(stats.chi2.sf(square, 1)), "mcnemar"
    if not difference.any():
        return 1.0, "permutation"
    moved = difference[difference != 0]
    if len(moved) == 1:
        return 1.0, "permutation"  # Its sign is as likely one way as the other.
    found = stats.permutation_test(
        (moved,),
        lambda values, axis: values.mean(axis=axis),
        permutation_type="samples",
        n_resamples=PERMUTATIONS,
        vectorized=True,
        batch=max(1, 2_000_000 // len(moved)),
        rng=np.random.default_rng(0),
    )
    return min(1.0, float(found.pvalue)), "permutation"


def _percentiles(difference: Numbers, name: str) -> tuple[float, float]:
    draws = [weights @ difference / len(difference) for weights in resamples(len(difference), name)]
    low, high = np.percentile(np.concatenate(draws), [2.5, 97.5])
    return float(low), float(high)


def pseudo_interval(difference: Numbers) -> tuple[float, float]:
    """A 95% interval of a mean difference in [-1, 1] that does not collapse where few items differ.

    Agresti and Min (2005, Statistics in Medicine 24) add half an item to each of the four cells of the paired table:
    two more items, of which half a one gained and half a one lost everything.
    """
    n = len(difference) + 2
    mean = float(difference.sum()) / n
    square = (float((difference**2).sum()) + 1) / n
    spread = Z95 * sqrt(max(0.0, square - mean**2) / n)
    return max(-1.0, mean - spread), min(1.0, mean + spread)


def holm(changes: Sequence[Change]) -> list[Change]:
    """Corrects the p values of a family (Holm 1979); changes without a test stay out of it."""
    family = sorted((change.p, place) for place, change in enumerate(changes) if change.p is not None)
    corrected: dict[int, float] = {}
    least = 0.0
    for rank, (p, place) in enumerate(family):
        least = max(least, min(1.0, p * (len(family) - rank)))
        corrected[place] = least
    return [msgspec.structs.replace(change, p_holm=corrected.get(place)) for place, change in enumerate(changes)]


def of_group(
    verdicts: Iterable[Verdicted], metric: Metric, tasks: Sequence[str], members: Mapping[str, str] | None = None
) -> list[Verdicted]:
    """The verdicts that a metric is about, of its tasks; `members` maps categories to groups, where it is about one."""
    return [
        verdict
        for verdict in verdicts
        if verdict.task in tasks
        and (metric.group_kind == "overall" or (members or {}).get(verdict.category) == metric.group)
    ]
