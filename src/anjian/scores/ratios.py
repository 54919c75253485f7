"""Measures over many verdicts, such as F1: functions of sums, with intervals by bootstrap over units.

A unit is an item, or items that ask the same thing in other forms; whole units are drawn. A ratio that is but the share
of some of them has Wilson's interval, as other rates have.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from anjian.scores.bootstrap import Numbers, resamples
from anjian.scores.intervals import wilson
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
                value, low, high = interval(measure.ratio, counted, f"{measure.name}/{kind}/{group}", measure.best)
                metric, n, scored = measure.called(kind), len(found), len(counted)
                rows.append(Row(suite, task, model, judge, metric, kind, group, value, low, high, n, scored))
        return rows


Ends = tuple[float | None, float | None, float | None]


def interval(ratio: Ratio, counted: Sequence[Sequence[float]], name: str, best: float = 1.0) -> Ends:
    """Value, low and high of a ratio; None where there is none.

    Args:
        ratio: The measure.
        counted: What each unit adds to the sums.
        name: Seeds the drawing, so that equal data give equal intervals.
        best: What the ratio is multiplied by.
    """
    if not counted:
        return None, None, None
    table = np.array(counted, dtype=np.float64)
    value = evaluated(ratio, table.sum(axis=0))
    if is_share(ratio, table, value):
        low, high = wilson(float(value), len(table))
        return round(float(value) * best, 6), round(low * best, 6), round(high * best, 6)
    drawn = np.concatenate([evaluated(ratio, weights @ table) for weights in resamples(len(table), name)])
    drawn = drawn[np.isfinite(drawn)]
    if not np.isfinite(value) or not len(drawn):
        return None, None, None
    low, high = np.percentile(drawn, [2.5, 97.5])
    return round(float(value) * best, 6), round(float(low) * best, 6), round(float(high) * best, 6)


def is_share(ratio: Ratio, table: Numbers, value: Any) -> bool:
    """True if a ratio is but the share of units that have something: its interval need not be drawn."""
    single = evaluated(ratio, table)
    return bool(np.isin(single, (0.0, 1.0)).all() and np.isclose(single.mean(), value))


def evaluated(ratio: Ratio, sums: Numbers) -> Any:
    """The ratio of sums, (…, sums): a number, or an array of the leading shape; nan where there is no value."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(ratio.of(*np.moveaxis(np.asarray(sums, dtype=np.float64), -1, 0)), dtype=np.float64)
