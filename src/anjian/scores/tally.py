"""Counts many verdicts into rates, in one pass and in little memory."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from anjian.scores.measures import Measure
from anjian.scores.rows import GROUP_KINDS, GroupKind, Rate, Row, Verdicted

Groups = Callable[[Verdicted], Iterable[tuple[GroupKind, str]]]
"""Names the groups that a verdict belongs to, by its category and whether it has a history."""


class Tally:
    """The rates of one task.

    Example:
        >>> from anjian.scores.measures import refusal_measures
        >>> tally = Tally(refusal_measures(), lambda verdict: [("overall", "overall")])
        >>> tally.add(Verdicted("1", "refusal", "年龄歧视", "rules-v1", label="直接拒绝", points=2))
        >>> tally.rows(epochs=1, order={}, suite="chisafety", task="refusal", model="m", judge="j")[0].value
        1.0
    """

    def __init__(self, measures: Sequence[Measure], groups: Groups) -> None:
        """Takes what is counted, all of it shares, and how verdicts are grouped."""
        self._measures = [(measure, measure.value) for measure in measures if measure.value]
        self._groups = groups
        self._rates: dict[tuple[GroupKind, str, str], Rate] = {}
        self._alike: dict[tuple[str, bool], list[tuple[Rate, Callable[[int], float]]]] = {}

    def add(self, verdict: Verdicted) -> None:
        """Counts one verdict in every group it belongs to."""
        alike = self._alike.get((verdict.category, verdict.history))
        if alike is None:
            alike = self._alike[verdict.category, verdict.history] = self._rates_of(verdict)
        points = verdict.points
        for rate, value in alike:
            rate.add(None if points is None else value(points))

    def _rates_of(self, verdict: Verdicted) -> list[tuple[Rate, Callable[[int], float]]]:
        return [
            (self._rates.setdefault((kind, group, measure.name), Rate()), value)
            for kind, group in self._groups(verdict)
            for measure, value in self._measures
        ]

    def rows(
        self, *, epochs: int, order: Mapping[str, int], suite: str, task: str, model: str, judge: str
    ) -> list[Row]:
        """Returns the rows, groups of a kind in the given order; `epochs` dependent verdicts weigh as one."""
        kinds = {kind: place for place, kind in enumerate(GROUP_KINDS)}
        places = {measure.name: (place, measure) for place, (measure, _) in enumerate(self._measures)}
        keys = sorted(self._rates, key=lambda k: (kinds[k[0]], order.get(k[1], 0), k[1], places[k[2]][0]))
        rows = []
        for kind, group, name in keys:
            rate, metric = self._rates[kind, group, name], places[name][1].called(kind)
            ends = rate.interval(epochs)
            rows.append(Row(suite, task, model, judge, metric, kind, group, *ends, rate.n, rate.scored))
        return rows
