"""What somebody gets who does not read the questions: the mark beside which accuracy is read."""

from collections.abc import Iterable, Mapping, Sequence

from anjian.scores.measures import Measure
from anjian.scores.rows import FINEST, GROUP_KINDS, GroupKind, Rate, Row, Verdicted


class Floors:
    """Counts the floors of one task, over all that was asked."""

    def __init__(self, measures: Sequence[Measure]) -> None:
        """Takes the measures that are floors."""
        self._measures = [(measure, measure.floor) for measure in measures if measure.floor]
        self._rates: dict[tuple[GroupKind, str, str], Rate] = {}

    def add(self, verdict: Verdicted, groups: Iterable[tuple[GroupKind, str]]) -> None:
        """Counts what one item gives, overall and by area."""
        for kind, group in groups:
            for measure, floor in self._measures if kind not in FINEST else ():
                self._rates.setdefault((kind, group, measure.name), Rate()).add(floor(verdict))

    def rows(self, *, suite: str, task: str, model: str, judge: str, order: Mapping[str, int]) -> list[Row]:
        """Returns the mean of every floor by group; it is a fact of the items, known without error."""
        kinds = {kind: place for place, kind in enumerate(GROUP_KINDS)}
        rows = []
        for kind, group, name in sorted(self._rates, key=lambda key: (kinds[key[0]], order.get(key[1], 0), key[1])):
            rate = self._rates[kind, group, name]
            if rate.scored:
                value = round(rate.hits / rate.scored, 6)
                rows.append(Row(suite, task, model, judge, name, kind, group, value, value, value, rate.n, rate.scored))
        return rows
