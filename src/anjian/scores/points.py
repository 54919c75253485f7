"""Scores from points: sum / maximum × 100 (arXiv 2310.05818), with intervals by bootstrap over items.

The replies of one dialogue depend on each other, so whole items are drawn, all their rounds and repetitions together.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from anjian.scores.bootstrap import Numbers, resamples
from anjian.scores.measures import Measure
from anjian.scores.rows import FINEST, GroupKind, Row, Verdicted

Interval = tuple[float | None, float | None, float | None]


class Points:
    """The points of many dialogues, counted one reply at a time."""

    def __init__(self, measure: Measure, maximum: int, kinds: Sequence[GroupKind], by_round: bool) -> None:
        """Takes the measure, the best points, the kinds of group, and whether rounds are reported."""
        assert measure.value is not None  # noqa: S101  (ratios are counted elsewhere)
        self.rounds = 0
        self._measure = measure
        self._value = measure.value
        self._maximum = maximum
        self._kinds = kinds
        self._by_round = by_round
        self._row: dict[str, int] = {}
        self._groups: list[dict[GroupKind, str]] = []
        self._cells: dict[tuple[int, int], list[float]] = {}

    def add(self, verdict: Verdicted, groups: Iterable[tuple[GroupKind, str]]) -> None:
        """Counts one reply; `groups` are those of its item."""
        row = self._row.setdefault(verdict.id, len(self._row))
        if row == len(self._groups):
            self._groups.append(dict(groups))
        self.rounds = max(self.rounds, verdict.round)
        cell = self._cells.setdefault((row, verdict.round - 1), [0, 0, 0])
        if verdict.points is not None:
            # In points of the best reply: what a measure makes of whole points adds up without rounding.
            cell[0] += self._value(verdict.points) * self._maximum / self._measure.best
            cell[1] += 1
        cell[2] += 1

    def rows(self, *, suite: str, task: str, model: str, judge: str, order: Mapping[str, int]) -> list[Row]:
        """Returns the score overall, by group, by round and group × round, and `round_delta`."""
        if not self._row:
            return []
        table = self._table()
        rows: list[Row] = []

        def add(metric: str, kind: GroupKind, group: str, interval: Interval, n: float, scored: float) -> None:
            rows.append(Row(suite, task, model, judge, metric, kind, group, *interval, int(n), int(scored)))

        for kind, group, chosen in self._groups_of(order):
            sums, scored, asked = (part[chosen] for part in table)
            divided = self._by_round and kind not in FINEST
            parts = [(kind, group, slice(None))]
            if divided:
                parts += [
                    (*self._round(kind, group, number), slice(number, number + 1)) for number in range(self.rounds)
                ]
            columns = [(sums[:, rounds].sum(axis=1), scored[:, rounds].sum(axis=1)) for _, _, rounds in parts]
            found = scores(columns, self._maximum, f"{kind}/{group}", self._measure.best)
            for (part_kind, name, rounds), interval in zip(parts, found, strict=True):
                add(
                    self._measure.called(kind),
                    part_kind,
                    name,
                    interval,
                    asked[:, rounds].sum(),
                    scored[:, rounds].sum(),
                )
            if divided and self.rounds > 1:
                both = (scored[:, 0] > 0) & (scored[:, -1] > 0)
                first, last = (sums[both, place] / scored[both, place] for place in (0, -1))
                found_delta = delta(first, last, self._maximum, f"delta/{group}", self._measure.best)
                add("round_delta", kind, group, found_delta, len(both), both.sum())
        return rows

    def _round(self, kind: GroupKind, group: str, number: int) -> tuple[GroupKind, str]:
        """What the rows of one round are called: overall they are of the kind `round`."""
        name = f"round{number + 1}"
        return ("round", name) if kind == "overall" else (kind, f"{group}/{name}")

    def _table(self) -> tuple[Numbers, Numbers, Numbers]:
        """Sums of points, scored replies and asked replies, each (items, rounds)."""
        parts = tuple(np.zeros((len(self._row), self.rounds)) for _ in range(3))
        for place, cell in self._cells.items():
            for part, value in zip(parts, cell, strict=True):
                part[place] = value
        return parts[0], parts[1], parts[2]

    def _groups_of(self, order: Mapping[str, int]) -> Iterator[tuple[GroupKind, str, NDArray[np.bool_]]]:
        """Yields overall and every group with its items, in the taxonomy's order."""
        yield "overall", "overall", np.ones(len(self._groups), dtype=bool)
        for kind in self._kinds:
            names = [groups.get(kind) for groups in self._groups]
            for name in sorted({name for name in names if name}, key=lambda name: (order.get(name, 0), name)):
                yield kind, name, np.array([other == name for other in names])


def scores(columns: Sequence[tuple[Numbers, Numbers]], maximum: int, name: str, best: float = 100) -> list[Interval]:
    """Scores from 0 to `best` of the same items in several respects, with 95% percentile intervals from the same draws.

    Args:
        columns: Points and numbers of scored replies of each item, both (items,), for each respect.
        maximum: Points of the best reply.
        name: Seeds the resampling, so that equal data give equal intervals.
        best: The score of the best reply.
    """
    sums, scored = (np.stack([column[place] for column in columns], axis=1) for place in (0, 1))
    drawn = [(weights @ sums, weights @ scored) for weights in resamples(len(sums), name)]
    above, below = (np.concatenate([pair[place] for pair in drawn]) for place in (0, 1))
    scale = best / maximum
    low, high = np.percentile(above / np.maximum(below, 1e-9), [2.5, 97.5], axis=0) * scale
    totals = scored.sum(axis=0)
    return [
        _rounded(sums[:, place].sum() / totals[place] * scale, low[place], high[place])
        if totals[place]
        else (None, None, None)
        for place in range(len(columns))
    ]


def delta(first: Numbers, last: Numbers, maximum: int, name: str, best: float = 100) -> Interval:
    """Score of the last round less that of the first, paired by item; arguments are mean points, (items,)."""
    if not len(first):
        return None, None, None
    change = (last - first) * (best / maximum)
    draws = [weights @ change / len(change) for weights in resamples(len(change), name)]
    low, high = np.percentile(np.concatenate(draws), [2.5, 97.5])
    return _rounded(change.mean(), low, high)


def _rounded(value: float, low: float, high: float) -> Interval:
    return round(float(value), 4), round(float(low), 4), round(float(high), 4)
