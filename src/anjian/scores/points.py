"""Scores from points: sum / maximum × 100 (arXiv 2310.05818), with the intervals of `bounded_mean`.

The replies of one dialogue depend on each other, so items weigh as a whole, all their rounds and repetitions together.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from anjian.scores.intervals import Ends, Numbers, bounded_mean
from anjian.scores.measures import Measure
from anjian.scores.rows import FINEST, GroupKind, Row, Verdicted


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

        def add(metric: str, kind: GroupKind, group: str, interval: Ends, n: float, scored: float) -> None:
            rows.append(Row(suite, task, model, judge, metric, kind, group, *interval, int(n), int(scored)))

        for kind, group, chosen in self._groups_of(order):
            sums, scored, asked = (part[chosen] for part in table)
            divided = self._by_round and kind not in FINEST
            parts = [(kind, group, slice(None))]
            if divided:
                parts += [
                    (*self._round(kind, group, number), slice(number, number + 1)) for number in range(self.rounds)
                ]
            for part_kind, name, rounds in parts:
                points, replies, n = (part[:, rounds].sum(axis=1) for part in (sums, scored, asked))
                if n.any():
                    ends = score(points, replies, self._maximum, self._measure.best)
                    add(self._measure.called(kind), part_kind, name, ends, n.sum(), replies.sum())
            if divided and self.rounds > 1:
                held, both = ((part[:, 0] > 0) & (part[:, -1] > 0) for part in (asked, scored))
                first, last = (sums[both, place] / scored[both, place] for place in (0, -1))
                ends = delta(first, last, self._maximum, self._measure.best)
                if held.any():
                    add("round_delta", kind, group, ends, held.sum(), both.sum())
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


def score(points: Numbers, replies: Numbers, maximum: int, best: float = 100) -> Ends:
    """A score from 0 to `best` with its 95% interval.

    Args:
        points: The points of each item's replies, (items,).
        replies: How many of its replies were scored, (items,).
        maximum: Points of the best reply.
        best: The score of the best reply.
    """
    if not replies.any():
        return None, None, None
    scale = best / maximum
    value, low, high = bounded_mean(points, replies, ends=(0, maximum))
    return round(value * scale, 4), round(low * scale, 4), round(high * scale, 4)


def delta(first: Numbers, last: Numbers, maximum: int, best: float = 100) -> Ends:
    """Score of the last round less that of the first, paired by item; arguments are mean points, (items,)."""
    if not len(first):
        return None, None, None
    change = (last - first) * (best / maximum)
    value, low, high = bounded_mean(change, np.ones(len(change)), ends=(-best, best))
    return round(value, 4), round(low, 4), round(high, 4)
