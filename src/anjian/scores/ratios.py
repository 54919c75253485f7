"""Measures over many verdicts, such as F1: functions of sums, with intervals over units.

A unit is an item, or items that ask the same thing in other forms. A ratio that is but the share of some of them has
Wilson's interval, as other rates have; others are those of `bounded_mean`, with sums in the place of the mean.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from anjian.scores.intervals import Ends, Numbers, quantiles, weighed, wilson
from anjian.scores.measures import Measure, Ratio
from anjian.scores.rows import GROUP_KINDS, GroupKind, Row, Verdicted


class Ratios:
    """Counts the ratios of one task; the verdicts of a unit are looked at together, in the end."""

    def __init__(self, measures: Sequence[Measure]) -> None:
        """Takes the measures that are ratios."""
        self._measures = measures
        self._units: dict[str, list[Verdicted]] = {}
        self._groups: dict[str, tuple[tuple[GroupKind, str], ...]] = {}

    def add(self, verdict: Verdicted, groups: Iterable[tuple[GroupKind, str]]) -> None:
        """Counts one verdict; the groups of a unit are those of its first verdict."""
        unit = verdict.unit or verdict.id
        self._units.setdefault(unit, []).append(msgspec.structs.replace(verdict, analysis=""))
        self._groups.setdefault(unit, tuple(groups))

    def rows(self, *, suite: str, task: str, model: str, judge: str, order: Mapping[str, int]) -> list[Row]:
        """Returns every ratio by group; `n` and `scored` count units."""
        members: dict[tuple[GroupKind, str], list[str]] = {}
        for unit, groups in self._groups.items():
            for place in groups:
                members.setdefault(place, []).append(unit)
        kinds = {kind: place for place, kind in enumerate(GROUP_KINDS)}
        rows = []
        for kind, group in sorted(members, key=lambda key: (kinds[key[0]], order.get(key[1], 0), key[1])):
            units = [self._units[unit] for unit in members[kind, group]]
            for measure in self._measures:
                assert measure.ratio is not None  # noqa: S101  (they were chosen for it)
                found = [measure.ratio.counts(unit) for unit in units]
                counted = [counts for counts in found if counts is not None]
                value, low, high = interval(measure.ratio, counted, measure.best)
                metric, n, scored = measure.called(kind), len(found), len(counted)
                rows.append(Row(suite, task, model, judge, metric, kind, group, value, low, high, n, scored))
        return rows


def interval(ratio: Ratio, counted: Sequence[Sequence[float]], best: float = 1.0) -> Ends:
    """Value, low and high of a ratio; None where there is none.

    Args:
        ratio: The measure.
        counted: What each unit adds to the sums.
        best: What the ratio is multiplied by.
    """
    if not counted:
        return None, None, None
    table = np.array(counted, dtype=np.float64)
    value = evaluated(ratio, table.sum(axis=0))
    if not np.isfinite(value):
        return None, None, None
    low, high = wilson(float(value), len(table)) if is_share(ratio, table, value) else _weighed(ratio, table, value)
    return round(float(value) * best, 6), round(low * best, 6), round(high * best, 6)


def _weighed(ratio: Ratio, table: Numbers, value: Any) -> tuple[float, float]:
    """The ends of the interval: units under random weights, and unseen units at the worst and the best."""
    kinds, counts = np.unique(table, axis=0, return_counts=True)
    worst, best = _unseen(ratio, table)
    lows: list[Numbers] = []
    highs: list[Numbers] = []
    for weights, unseen in weighed(counts.astype(np.float64), len(worst)):
        seen = weights @ kinds
        for ends, rows in ((lows, worst), (highs, best)):
            drawn = evaluated(ratio, seen + unseen @ rows)
            ends.append(drawn[np.isfinite(drawn)])
    low, high = quantiles(lows, highs)
    return (max(low, 0.0), min(high, 1.0)) if len(worst) else (low, high)


def _unseen(ratio: Ratio, table: Numbers) -> tuple[Numbers, Numbers]:
    """What units would add that nobody saw, (blocks with units, sums): the worst and the best.

    Each adds to one sum as much as a unit adds to any. A ratio that does not lie between 0 and 1 has no worst or best.
    """
    total, sums = table.sum(axis=0), table.shape[1]
    single = evaluated(ratio, table)
    most = table.max(axis=1)
    if (table < 0).any() or not most.any() or (single[np.isfinite(single)] > 1).any() or evaluated(ratio, total) > 1:
        return np.zeros((0, sums)), np.zeros((0, sums))
    added = np.eye(sums) * (most @ most / most.sum())
    found = np.nan_to_num(evaluated(ratio, total + added), nan=float(evaluated(ratio, total)))
    blocks = [block for block in np.split(np.arange(sums), ratio.blocks) if total[block].any()]
    chosen = [(block[found[block].argmin()], block[found[block].argmax()]) for block in blocks]
    return added[[worst for worst, _ in chosen]], added[[best for _, best in chosen]]


def is_share(ratio: Ratio, table: Numbers, value: Any) -> bool:
    """True if a ratio is but the share of units that have something: its interval need not be drawn."""
    single = evaluated(ratio, table)
    return bool(np.isin(single, (0.0, 1.0)).all() and np.isclose(single.mean(), value))


def evaluated(ratio: Ratio, sums: Numbers) -> Any:
    """The ratio of sums, (…, sums): a number, or an array of the leading shape; nan where there is no value."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(ratio.of(*np.moveaxis(np.asarray(sums, dtype=np.float64), -1, 0)), dtype=np.float64)
