"""Counts many verdicts into rates, in one pass and in little memory."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from anjian.scores.intervals import share
from anjian.scores.measures import LOOSE, Measure
from anjian.scores.patterns import Patterns
from anjian.scores.rows import GROUP_KINDS, GroupKind, Row, Verdicted

Groups = Callable[[Verdicted], Iterable[tuple[GroupKind, str]]]
"""Names the groups that a verdict belongs to, by its category and whether it has a history."""
Mark = int | tuple[int, int] | None
"""Points, or those by the stricter and by the looser reading where the judge has both; None is unscored."""
Marks = Counter[Mark]
"""How often the replies of an item got which points."""


class Tally:
    """The rates of one task.

    Example:
        >>> from anjian.scores.measures import refusal_measures
        >>> tally = Tally(refusal_measures(), lambda verdict: [("overall", "overall")])
        >>> tally.add(Verdicted("1", "refusal", "年龄歧视", "rules-v1", label="直接拒绝", points=2))
        >>> tally.rows(order={}, suite="chisafety", task="refusal", model="m", judge="j")[0].value
        1.0
    """

    def __init__(self, measures: Sequence[Measure], groups: Groups) -> None:
        """Takes what is counted, all of it shares, and how verdicts are grouped."""
        self._measures = [(measure, measure.value) for measure in measures if measure.value]
        self._groups = groups
        self._loose = False
        self._groups_of: dict[tuple[str, bool], list[tuple[GroupKind, str]]] = {}
        self._patterns = Patterns[tuple[str, bool], Mark]()

    def add(self, verdict: Verdicted) -> None:
        """Counts one verdict in every group it belongs to; those of an item stand together."""
        key = verdict.category, verdict.history
        if key not in self._groups_of:
            self._groups_of[key] = list(self._groups(verdict))
        points = (verdict.points or 0, verdict.loose[0]) if verdict.loose else verdict.points
        self._patterns.add(verdict.id, key, points)
        self._loose = self._loose or bool(verdict.loose)

    def rows(self, *, order: Mapping[str, int], suite: str, task: str, model: str, judge: str) -> list[Row]:
        """Returns the rows, groups of a kind in the given order."""
        groups: dict[tuple[GroupKind, str], list[tuple[Marks, int]]] = {}
        for key, marks, copies in self._patterns:
            for place in self._groups_of[key]:
                groups.setdefault(place, []).append((marks, copies))
        kinds = {kind: place for place, kind in enumerate(GROUP_KINDS)}
        rows = []
        for kind, group in sorted(groups, key=lambda key: (kinds[key[0]], order.get(key[1], 0), key[1])):
            items = groups[kind, group]
            n = sum(marks.total() * copies for marks, copies in items)
            scored = sum((marks.total() - marks[None]) * copies for marks, copies in items)
            readings = ((0, ""), (1, LOOSE)) if self._loose else ((0, ""),)
            for reading, end in readings:
                for measure, value in self._measures:
                    ends, name = share(_hits(items, value, reading)), measure.called(kind) + end
                    rows.append(Row(suite, task, model, judge, name, kind, group, *ends, n, scored))
        return rows


def _hits(
    items: Iterable[tuple[Marks, int]], value: Callable[[int], float], reading: int = 0
) -> Counter[tuple[float, int]]:
    """Hits and scored replies of an item, to how many items have them, by the stricter or (1) the looser reading."""
    found: Counter[tuple[float, int]] = Counter()
    for marks, copies in items:
        scored = [
            (mark[reading] if isinstance(mark, tuple) else mark, count)
            for mark, count in marks.items()
            if mark is not None
        ]
        found[sum(value(points) * count for points, count in scored), sum(count for _, count in scored)] += copies
    return found
