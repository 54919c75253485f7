"""Puts corrected values into rows: what verdicts come to by the judge's card, group by group."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np

from anjian.judges.card import Agreement, Card, Question
from anjian.judges.kinds import Kind
from anjian.judges.labels import ASKED, classes, said
from anjian.scores.bootstrap import Numbers
from anjian.scores.corrected import estimate
from anjian.scores.count import Count
from anjian.scores.measures import Measure, Task
from anjian.scores.rows import GroupKind, Row, Verdicted

Place = tuple[str, GroupKind, str]


class Fitting(msgspec.Struct, frozen=True):
    """A card for the verdicts of a task, and which part of it holds: those of a language, or empty for all.

    A card that comes with a judge speaks of other replies than those judged here: what it found on one source alone is
    shown, and corrects nothing.
    """

    card: Card
    language: str = ""
    shipped: bool = False

    def part(self, question: Question) -> Agreement | None:
        """What the card says of a question."""
        answered = self.card.answered(question)
        return answered.part(self.language) if answered else None


class Tables:
    """Counts verdicts by points in every group; the verdicts on an item depend on each other, and come together."""

    def __init__(self, count: Count, degrees: Mapping[str, Sequence[int]]) -> None:
        """Takes what knows the groups, and the points that there are in each task that has a card."""
        self._count = count
        self._degrees = degrees
        self._id = ""
        self._held: list[tuple[str, tuple[Place, ...], int]] = []
        self._alike: Counter[tuple[tuple[str, tuple[Place, ...], int], ...]] = Counter()
        self._sums: dict[Place, Numbers] = {}
        self._squares: dict[Place, Numbers] = {}
        self._items: dict[Place, int] = {}

    def add(self, verdict: Verdicted) -> None:
        """Counts one verdict."""
        if verdict.id != self._id:
            self._flush()
            self._id = verdict.id
        if verdict.points is not None:
            self._held.append((verdict.task, tuple(self._count.places(verdict)), verdict.points))

    def _flush(self) -> None:
        if self._held:
            self._alike[tuple(self._held)] += 1
            self._held = []

    def _sum(self) -> None:
        """Adds up what items came to, those of which all is alike at once."""
        self._flush()
        for verdicts, copies in self._alike.items():
            held: dict[Place, Numbers] = {}
            for task, places, points in verdicts:
                degrees = self._degrees[task]
                for place in places:
                    held.setdefault(place, np.zeros(len(degrees)))[degrees.index(points)] += 1
            for place, counts in held.items():
                if place not in self._sums:
                    self._sums[place] = np.zeros(len(counts))
                    self._squares[place] = np.zeros((len(counts), len(counts)))
                self._sums[place] += copies * counts
                self._squares[place] += copies * np.outer(counts, counts)
                self._items[place] = self._items.get(place, 0) + copies
        self._alike.clear()

    def independent(self, place: Place) -> Numbers | None:
        """How many independent replies got each number of points, by how much the verdicts on an item are alike."""
        self._sum()
        sums = self._sums.get(place)
        if sums is None:
            return None
        total = sums.sum()
        shares = sums / total
        centring = np.eye(len(sums)) - shares[:, None]
        variance = float(np.trace(centring @ self._squares[place] @ centring.T)) / total**2
        alone = float((shares * (1 - shares)).sum())
        size = min(total, alone / variance) if variance > 0 else self._items[place]
        found: Numbers = shares * float(size)
        return found


def with_corrected(
    rows: Sequence[Row],
    verdicts: Iterable[Verdicted],
    count: Count,
    tasks: Sequence[Task],
    fitting: Mapping[str, Fitting],
) -> tuple[list[Row], list[str]]:
    """Adds corrected values to the rows of those tasks that have a card; says in words what cannot be corrected.

    Args:
        rows: All rows of a run.
        verdicts: What they were counted from, the verdicts on an item together.
        count: What counted them.
        tasks: What the suite declares.
        fitting: The card of a task, by its name.
    """
    kinds = {task.name: task.kind for task in tasks if task.kind and task.name in fitting}
    tables = Tables(count, {task: _degrees(kind) for task, kind in kinds.items()})
    for verdict in verdicts:
        if verdict.task in kinds:
            tables.add(verdict)
    called = {
        (task.name, kind, measure.called(kind)): measure
        for task in tasks
        for measure in task.measures
        for kind in ("overall", *task.groups)
        if measure.value
    }
    found: list[Row] = []
    notes: list[str] = []
    for row in rows:
        measure, kind = called.get((row.task, row.group_kind, row.metric)), kinds.get(row.task)
        told = telling(measure, kind, fitting[row.task]) if measure and kind else None
        counts = tables.independent((row.task, row.group_kind, row.group))
        if told is None or counts is None:
            found.append(row)
            continue
        known = estimate(told.merged(counts), told.part, told.worth)
        ends = tuple(round(end, 6) for end in known[:3]) if known and known.possible else (None, None, None)
        found.append(msgspec.structs.replace(row, corrected=ends[0], corrected_low=ends[1], corrected_high=ends[2]))
        if ends[0] is None and measure and row.group_kind == "overall":
            notes.append(_refusal(measure, row, told.part, contradicted=known is not None))
    return found, notes


def _refusal(measure: Measure, row: Row, part: Agreement, contradicted: bool) -> str:
    """Why a rate is not corrected."""
    what = f"{measure.title.en or measure.title.zh} of {row.task}"
    if not contradicted:
        return f"{what} cannot be corrected: by its card {row.judge} does not tell {', '.join(part.classes)} apart"
    known = ""
    if part.recall is not None and part.specificity is not None:
        known = f" (share of “{part.classes[1]}” that it can give: {1 - part.specificity:.1%} to {part.recall:.1%})"
    return f"{what} is not corrected: the run contradicts the card of {row.judge}{known}"


class Telling(msgspec.Struct, frozen=True):
    """A part of a card that tells apart what a measure counts differently.

    Attributes:
        part: The agreement, and its classes.
        worth: What the measure counts for each class.
        names: The class of each degree of points, in ascending order.
    """

    part: Agreement
    worth: list[float]
    names: list[str]

    def merged(self, counts: Numbers) -> list[float]:
        """Counts by points, as counts by class."""
        pairs = list(zip(counts, self.names, strict=True))
        return [float(sum(n for n, name in pairs if name == one)) for one in self.part.classes]


def telling(measure: Measure, kind: Kind, fitting: Fitting) -> Telling | None:
    """The question of a card with fewest classes that a measure can be corrected by; None where there is none."""
    if measure.value is None:
        return None
    degrees = _degrees(kind)
    for question in sorted(ASKED[kind.name], key=lambda one: len(classes(one))):
        part = fitting.part(question)
        names = [said(points, question, kind) for points in degrees]
        worth = {name: float(measure.value(points)) for name, points in zip(names, degrees, strict=True)}
        mixed = any(worth[name] != measure.value(points) for name, points in zip(names, degrees, strict=True))
        if part is None or mixed or set(names) != set(part.classes) or (fitting.shipped and len(part.sources) < 2):
            continue  # The card is silent, or its classes mix replies that count differently.
        return Telling(part, [worth[one] for one in part.classes], names)
    return None


def _degrees(kind: Kind) -> list[int]:
    return sorted(kind.points.values())
