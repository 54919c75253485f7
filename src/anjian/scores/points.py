"""Scores from points: sum / maximum × 100 (arXiv 2310.05818), with intervals by bootstrap over items.

The replies of one dialogue depend on each other, so whole items are drawn, all their rounds and repetitions together.
"""

import hashlib
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from anjian.scores.rows import GroupKind, Row, Verdicted

RESAMPLES = 2000
_MOST_DRAWS = 4_000_000
"""Draws held in memory at once."""

Numbers = NDArray[np.float64]
Interval = tuple[float | None, float | None, float | None]


class Points:
    """The points of many dialogues, counted one reply at a time."""

    def __init__(self, maximum: int) -> None:
        """Takes the points that the best reply gets."""
        self.rounds = 0
        self._maximum = maximum
        self._row: dict[str, int] = {}
        self._groups: list[tuple[str, str]] = []
        self._cells: dict[tuple[int, int], list[int]] = {}

    def add(self, verdict: Verdicted, ability: str) -> None:
        """Counts one reply."""
        row = self._row.setdefault(verdict.id, len(self._row))
        if row == len(self._groups):
            self._groups.append((ability, verdict.category))
        self.rounds = max(self.rounds, verdict.round)
        cell = self._cells.setdefault((row, verdict.round - 1), [0, 0, 0])
        cell[0] += verdict.points or 0
        cell[1] += verdict.points is not None
        cell[2] += 1

    def rows(self, *, suite: str, task: str, model: str, judge: str, order: Mapping[str, int]) -> list[Row]:
        """Returns `score` overall, by ability, sub-dimension, round and ability × round, and `round_delta`."""
        if not self._row:
            return []
        table = self._table()
        rows: list[Row] = []

        def add(metric: str, kind: GroupKind, group: str, interval: Interval, n: float, scored: float) -> None:
            rows.append(Row(suite, task, model, judge, metric, kind, group, *interval, int(n), int(scored)))

        for kind, group, chosen, rounds in self._selections(order):
            sums, scored, asked = (part[chosen][:, rounds].sum(axis=1) for part in table)
            found = score(sums, scored, self._maximum, f"{kind}/{group}")
            add("score", kind, group, found, asked.sum(), scored.sum())
        if self.rounds > 1:
            for kind, group, chosen in self._groups_of(order, dimensions=False):
                sums, scored = (part[chosen] for part in table[:2])
                both = (scored[:, 0] > 0) & (scored[:, -1] > 0)
                first, last = (sums[both, place] / scored[both, place] for place in (0, -1))
                found = delta(first, last, self._maximum, f"delta/{group}")
                add("round_delta", kind, group, found, chosen.sum(), both.sum())
        return rows

    def _table(self) -> tuple[Numbers, Numbers, Numbers]:
        """Sums of points, scored replies and asked replies, each (items, rounds)."""
        parts = tuple(np.zeros((len(self._row), self.rounds)) for _ in range(3))
        for place, cell in self._cells.items():
            for part, value in zip(parts, cell, strict=True):
                part[place] = value
        return parts[0], parts[1], parts[2]

    def _groups_of(
        self, order: Mapping[str, int], dimensions: bool = True
    ) -> Iterator[tuple[GroupKind, str, NDArray[np.bool_]]]:
        """Yields overall, the abilities and the sub-dimensions with their items, in the taxonomy's order."""
        yield "overall", "overall", np.ones(len(self._groups), dtype=bool)
        kinds: tuple[GroupKind, ...] = ("ability", "dimension") if dimensions else ("ability",)
        for place, kind in enumerate(kinds):
            names = [groups[place] for groups in self._groups]
            for name in sorted(set(names), key=lambda name: (order.get(name, 0), name)):
                yield kind, name, np.array([other == name for other in names])

    def _selections(
        self, order: Mapping[str, int]
    ) -> Iterator[tuple[GroupKind, str, NDArray[np.bool_], slice | list[int]]]:
        for kind, group, chosen in self._groups_of(order):
            yield kind, group, chosen, slice(None)
            if kind == "dimension":
                continue
            for number in range(self.rounds):
                name = f"round{number + 1}"
                if kind == "overall":
                    yield "round", name, chosen, [number]
                else:
                    yield kind, f"{group}/{name}", chosen, [number]


def score(sums: Numbers, scored: Numbers, maximum: int, name: str) -> Interval:
    """The score from 0 to 100 of some items and its 95% percentile interval.

    Args:
        sums: Points of each item, (items,).
        scored: Scored replies of each item, (items,).
        maximum: Points of the best reply.
        name: Seeds the resampling, so that equal data give equal intervals.
    """
    if not scored.sum():
        return None, None, None
    scale = 100 / maximum
    draws = [(weights @ sums) / np.maximum(weights @ scored, 1e-9) for weights in _resamples(len(sums), name)]
    low, high = np.percentile(np.concatenate(draws), [2.5, 97.5]) * scale
    return _rounded(sums.sum() / scored.sum() * scale, low, high)


def delta(first: Numbers, last: Numbers, maximum: int, name: str) -> Interval:
    """Score of the last round less that of the first, paired by item; arguments are mean points, (items,)."""
    if not len(first):
        return None, None, None
    change = (last - first) * (100 / maximum)
    draws = [weights @ change / len(change) for weights in _resamples(len(change), name)]
    low, high = np.percentile(np.concatenate(draws), [2.5, 97.5])
    return _rounded(change.mean(), low, high)


def _resamples(items: int, name: str) -> Iterator[Numbers]:
    """Yields chunks of (resamples, items) counts of how often each item was drawn."""
    random = np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]))
    size = max(1, min(RESAMPLES, _MOST_DRAWS // items))
    for start in range(0, RESAMPLES, size):
        rows = min(size, RESAMPLES - start)
        yield random.multinomial(items, np.full(items, 1 / items), size=rows).astype(np.float64)


def _rounded(value: float, low: float, high: float) -> Interval:
    return round(float(value), 4), round(float(low), 4), round(float(high), 4)
