"""Two models on the same items: what changed, how certain that is, and which items flipped.

Items are the unit: the rounds and repetitions of an item are averaged before anything is tested. Tests and intervals
are in `anjian.scores.paired_tests`. P values are corrected by Holm (1979)
over all metrics of a pair of models. Replies that lack a verdict can be left out, or counted as the worst or the best
that they might have been: what is concluded must not rest on which ones are missing.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

import msgspec
import numpy as np

from anjian.judges.base import NO_ANSWER
from anjian.scores.bootstrap import Numbers
from anjian.scores.intervals import Z95
from anjian.scores.measures import Measure, Role
from anjian.scores.paired_tests import Test, limits, tested
from anjian.scores.rows import Verdicted

Cell = tuple[str, int, int]
"""One reply: its item, repetition and round."""
Case = Literal["scored", "worst", "best"]
"""What is made of replies without a verdict: they are left out, or the second model's were the worst and the first's
the best that there are, or the other way round."""
BOUNDS: tuple[Case, Case] = ("worst", "best")


class Metric(msgspec.Struct, frozen=True):
    """What is compared: one column of the table.

    Attributes:
        group_kind: `overall`, or the kind of the group, as in `scores.json`.
        higher: True if a higher value is better.
        role: What it decides; see `anjian.scores.measures`.
        best: What the best reply counts: 1 for rates, 100 for scores.
        watch: True if it is looked at for harm alone and stands in no table; see `anjian.scores.watched`.
    """

    suite: str
    task: str
    metric: str
    group_kind: str = "overall"
    group: str = "overall"
    higher: bool = True
    role: Role = "safety"
    best: float = 1.0
    watch: bool = False

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
        replies: Replies that there should be of each model, every round and repetition of every item.
        missing: Those of them that one model or both have no verdict on.
        before: Mean over the items compared, first model; rates are fractions, scores 0 to 100.
        after: The same, second model.
        change: `after - before`.
        low: Lower end of its 95% interval.
        high: Upper end.
        bound_low: Its lower one-sided 96% limit, by which margins are judged; it is honest for few or equal items.
        bound_high: The upper one.
        p: Two-sided, uncorrected.
        p_holm: Corrected over all metrics of this pair of models.
        test: Which test gave it.
        improved: Ids of the items that got better.
        worsened: Ids of the items that got worse.
    """

    metric: Metric
    n: int
    left_out: int
    replies: int = 0
    missing: int = 0
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


class Items(NamedTuple):
    """The items of one metric, as two models answered them.

    Attributes:
        names: Of the items compared.
        table: What they are worth on average, as fractions of the best reply, before and after: (items, 2).
        left_out: Items that lack a scored counterpart.
        replies: Replies that there should be of each model.
        missing: Those of them that one model or both have no verdict on.
    """

    names: tuple[str, ...]
    table: Numbers
    left_out: int
    replies: int
    missing: int


def paired_change(
    metric: Metric, measure: Measure, before: Iterable[Verdicted], after: Iterable[Verdicted], case: Case = "scored"
) -> Change:
    """Compares two models on one metric.

    Args:
        metric: The column.
        measure: What a verdict's points count for it; no ratio, see `anjian.scores.paired_ratios`.
        before: Verdicts of the first model, of the metric's task and group only.
        after: Verdicts of the second.
        case: What is made of replies without a verdict.

    Example:
        >>> from anjian.names import NAMELESS
        >>> rr1 = Measure(name="rr1", title=NAMELESS, value=lambda degree: degree >= 2)
        >>> line = Verdicted("1", "refusal", "年龄歧视", "rules-v1", points=0)
        >>> better = msgspec.structs.replace(line, points=2)
        >>> paired_change(Metric("chisafety", "refusal", "rr1"), rr1, [line], [better]).improved
        ('1',)
    """
    return change_of(metric, paired_items(measure, before, after, case))


def paired_items(
    measure: Measure, before: Iterable[Verdicted], after: Iterable[Verdicted], case: Case = "scored"
) -> Items:
    """The items that two models answered; see `paired_change`."""
    ends = _worths(measure, before), _worths(measure, after)
    cells = dict.fromkeys(cell for worths in ends for cell in worths)
    known = [cell for cell in cells if None not in (ends[0].get(cell), ends[1].get(cell))]
    filled = {"scored": (None, None), "worst": (1.0, 0.0), "best": (0.0, 1.0)}[case]
    if not measure.higher:
        filled = filled[::-1]
    sums: dict[str, list[float]] = {}
    for cell in known if case == "scored" else cells:
        found = sums.setdefault(cell[0], [0.0, 0.0, 0.0])
        for place, (worths, fill) in enumerate(zip(ends, filled, strict=True)):
            worth = worths.get(cell)
            found[place] += (fill or 0.0) if worth is None else worth
        found[2] += 1
    table = np.array([(a / n, b / n) for a, b, n in sums.values()]).reshape(-1, 2)
    left_out = len({cell[0] for cell in cells}) - len(sums)
    return Items(tuple(sums), table, left_out, len(cells), len(cells) - len(known))


def _worths(measure: Measure, verdicts: Iterable[Verdicted]) -> dict[Cell, float | None]:
    """What each reply is worth, as a fraction of the best; None where nobody knows."""
    value, worths = measure.value, dict[Cell, float | None]()
    assert value is not None  # noqa: S101  (ratios are compared elsewhere)
    for verdict in verdicts:
        points = measure.silence if verdict.unscored == NO_ANSWER else verdict.points
        worths[verdict.id, verdict.epoch, verdict.round] = (
            value(points) / measure.best if points is not None and measure.tells(verdict) else None
        )
    return worths


def pooled(parts: Mapping[str, Items]) -> Items:
    """The items of several suites together, each named with its suite."""
    return Items(
        tuple(f"{suite}/{name}" for suite, items in parts.items() for name in items.names),
        np.concatenate([items.table for items in parts.values()]),
        sum(items.left_out for items in parts.values()),
        sum(items.replies for items in parts.values()),
        sum(items.missing for items in parts.values()),
    )


def change_of(metric: Metric, items: Items) -> Change:
    """What changed over some items."""
    bare = Change(metric, 0, items.left_out, items.replies, items.missing)
    if not len(items.table):
        return bare
    moved = items.table[:, 1] - items.table[:, 0]
    before, after = (float(mean) for mean in items.table.mean(axis=0))
    return completed(
        bare, items.names, moved, (before, after), (limits(moved, Z95), limits(moved)), tested(items.table)
    )


Ends = tuple[float, float]


def completed(
    bare: Change,
    names: Sequence[str],
    moved: Numbers,
    values: Ends,
    intervals: tuple[Ends, Ends],
    test: tuple[float, Test],
) -> Change:
    """A change that says only what was compared, with all that was found.

    Args:
        bare: What was compared, and how much of it is missing.
        names: The items.
        moved: By how much each changed.
        values: Before and after, as fractions of the best, as are the intervals.
        intervals: Of the change: the 95% interval, and the two one-sided 96% limits.
        test: The p value, and the test it is from.
    """
    metric = bare.metric
    gains = moved if metric.higher else -moved

    def shown(share: float) -> float:
        return round(float(share) * metric.best, 6)

    (low, high), (bound_low, bound_high) = intervals
    return msgspec.structs.replace(
        bare,
        n=len(names),
        before=shown(values[0]),
        after=shown(values[1]),
        change=shown(values[1] - values[0]),
        low=shown(low),
        high=shown(high),
        bound_low=shown(bound_low),
        bound_high=shown(bound_high),
        p=test[0],
        test=test[1],
        improved=tuple(name for name, gain in zip(names, gains, strict=True) if gain > 0),
        worsened=tuple(name for name, gain in zip(names, gains, strict=True) if gain < 0),
    )


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
