"""What things are called in front of people, Chinese first: by what the suites declare, else by their keys."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple, Protocol

import msgspec

from anjian.errors import UsageError
from anjian.judges.kinds import Kind
from anjian.names import NAMELESS, Name
from anjian.reports.words import GROUPS, named
from anjian.scores.measures import ENGINE, LOOSE, Measure, Task
from anjian.scores.rows import Row
from anjian.scores.thoughts import COMBINATIONS
from anjian.suites import bundled_names, find_suite
from anjian.suites.base import Suite

_ENGINE = {**ENGINE, **COMBINATIONS}
_ROUND = re.compile(r"round(\d+)")

Key = tuple[str, str]
"""A task and a metric."""


class Of(Protocol):
    """What names a metric: a row of scores, or a column of a comparison."""

    @property
    def suite(self) -> str:
        """The suite."""

    @property
    def task(self) -> str:
        """The task."""

    @property
    def metric(self) -> str:
        """The metric, as in `scores.json`."""


class Place(NamedTuple):
    """Where an area or a category stands; `code` and `area` are empty where categories have no areas."""

    code: str
    name: Name
    area: str


class _Strict(NamedTuple):
    """A metric by the stricter of two readings."""

    suite: str
    task: str
    metric: str


class _Called(NamedTuple):
    """A measure, and what it is called where it is read."""

    measure: Measure
    title: Name


class Lexicon:
    """What suites, tasks, metrics, labels and groups are called, and how verdicts are coloured.

    What nobody declares is called by its key, such as the metrics of a run whose suite is no longer here. Metrics of
    suites that are not known, such as those of other harnesses, have the names that a known suite gives theirs.
    """

    def __init__(self, suites: Iterable[Suite] = ()) -> None:
        """Takes the suites whose names are known."""
        self._suites = {suite.name: suite for suite in suites}
        self._measures = {
            (suite.name, *key): called for suite in self._suites.values() for key, called in _measures(suite)
        }
        self._places = {suite.name: _places(suite) for suite in self._suites.values()}

    def declared(self, suite: str) -> Suite | None:
        """The declaration of a suite, if it is known."""
        return self._suites.get(suite)

    def suite(self, suite: str) -> Name:
        """Names a suite."""
        found = self._suites.get(suite)
        return _or_key(found.title if found else NAMELESS, suite)

    def task(self, suite: str, task: str) -> Name:
        """Names a task."""
        found = [one.title for one in self._tasks(suite) if one.name == task]
        return _or_key(found[0] if found else NAMELESS, task)

    def metric(self, of: Of) -> Name:
        """Names a metric, with its task where two of a suite's tasks have one of that name.

        `score/round2` is called by its round.
        """
        name, _, within = of.metric.rpartition("/")
        if name and _ROUND.fullmatch(within):
            return self.group(of.suite, within)
        called = self._called(of)
        return _or_key(called.title if called else _ENGINE.get(of.metric, NAMELESS), of.metric)

    def guard(self, metric: str) -> Name:
        """Names a metric of whatever suite."""
        called = self._anywhere(metric)
        return called.title if called else Name("", metric)

    def measure(self, of: Of) -> Measure | None:
        """The declaration of a metric, if it has one."""
        called = self._called(of)
        return called.measure if called else None

    def kind(self, suite: str, task: str) -> Kind | None:
        """What is asked about the replies of a task, if it is known."""
        return next((one.kind for one in self._tasks(suite) if one.name == task), None)

    def compares(self, suite: str, task: str) -> bool:
        """True if a task's answers are compared with a key: its verdicts are right or wrong."""
        kind = self.kind(suite, task)
        return kind is not None and not kind.labels

    def label(self, suite: str, task: str, label: str) -> Name:
        """Names a label."""
        kind = self.kind(suite, task)
        found = [one.title for one in kind.labels if one.text == label] if kind else []
        return _or_key(found[0] if found else NAMELESS, label)

    def tone(self, suite: str, task: str, label: str, points: int | None) -> str:
        """How a verdict is coloured; see `anjian.judges.kinds`."""
        kind = self.kind(suite, task)
        return kind.tone(label, points) if kind else "other"

    def places(self, suite: str) -> dict[str, Place]:
        """The areas and categories of a suite, by Chinese name, in their order."""
        return self._places.get(suite, {})

    def area(self, suite: str, category: str) -> str:
        """The Chinese name of a category's area; empty if there is none."""
        found = self.places(suite).get(category)
        return found.area if found else ""

    def code(self, suite: str, group: str) -> str:
        """The code of an area or category; empty if there is none."""
        found = self.places(suite).get(group)
        return found.code if found else ""

    def group(self, suite: str, group: str) -> Name:
        """Names a group of any kind, such as an area, `with_history` or `round2`."""
        if found := _ROUND.fullmatch(group):
            return Name(f"第 {found[1]} 轮", f"round {found[1]}")
        place = self.places(suite).get(group)
        return place.name if place else named(GROUPS, group)

    def factors(self, rows: Iterable[Row]) -> dict[Key, float]:
        """What to multiply each metric by: 100 for fractions, to show percent; 1 for scores and other plain numbers."""
        found: dict[Key, float] = {}
        for row in rows:
            measure, key = self.measure(row), key_of(row)
            if measure:
                found[key] = 100 / measure.best
            elif row.metric.partition("/")[0] in ENGINE or abs(row.value or 0.0) > 1:
                found[key] = 1.0
            else:
                found.setdefault(key, 100.0)
        return found

    def fits_100(self, row: Row) -> bool:
        """True for shares and scores, which a scale from 0 to 100 suits."""
        return row.value is not None and row.value >= 0 and row.metric.partition("/")[0] not in ENGINE

    def in_order(self, rows: Iterable[Row]) -> list[Row]:
        """Puts rows in the order people read them; else as given.

        Tasks stand as their suite shows them, without history comes before with. A group within a group becomes a
        metric of the outer one: `score` of `指令攻击/round2` is its `score/round2`.
        """
        order = {group: place for place, group in enumerate(GROUPS)}
        unfolded = []
        for row in rows:
            group, _, within = row.group.partition("/")
            if _ROUND.fullmatch(within):
                row = msgspec.structs.replace(row, group=group, metric=f"{row.metric}/{within}")
            unfolded.append(row)
        return sorted(unfolded, key=lambda row: (self._place(row), order.get(row.group, 0)))

    def _place(self, row: Row) -> int:
        """Where a row's task stands among those of its suite."""
        suite = self._suites.get(row.suite)
        shown = suite.order if suite else ()
        return shown.index(row.task) if row.task in shown else len(shown)

    def _tasks(self, suite: str) -> Iterable[Task]:
        found = self._suites.get(suite)
        return found.tasks if found else ()

    def _called(self, of: Of) -> _Called | None:
        name, _, within = of.metric.rpartition("/")
        metric = name if name and _ROUND.fullmatch(within) else of.metric
        if metric.endswith(LOOSE):
            strict = self._called(_Strict(of.suite, of.task, metric.removesuffix(LOOSE)))
            return strict and _Called(strict.measure, Name(f"{strict.title.zh}（宽松）", f"{strict.title.en} (loose)"))
        if of.suite in self._suites:
            return self._measures.get((of.suite, of.task, metric))
        return self._anywhere(metric)

    def _anywhere(self, metric: str) -> _Called | None:
        mine = (called for (_, _, name), called in self._measures.items() if name == metric)
        return next(mine, None) or _bundled().get(metric)


def lexicon_of(names: Iterable[str]) -> Lexicon:
    """The names of suites that are given by name; those that cannot be found are left out."""
    return Lexicon(suite for suite in map(_found, names) if suite)


def _found(name: str) -> Suite | None:
    try:
        return find_suite(name)
    except UsageError:
        return None


def key_of(row: Row) -> Key:
    """What a row's factor goes by."""
    return row.task, row.metric


def protected(measure: Measure, title: Name) -> Name:
    """What a guard protects; by default what it is called."""
    return measure.protects if str(measure.protects) else title


def _or_key(name: Name, key: str) -> Name:
    return name if str(name) else Name("", key)


def _measures(suite: Suite) -> Iterator[tuple[Key, _Called]]:
    """The measures of a suite by task and name, within groups of a kind too; with their task where titles repeat."""
    found = [
        (task, name, measure, title)
        for task, measure in suite.measures()
        for name, title in ((measure.name, measure.title), *measure.within.values())
    ]
    tasks_of = Counter(title for _, title in {(task.name, title) for task, _, _, title in found})
    for task, name, measure, title in found:
        shown = _or_key(title, name)
        if tasks_of[title] > 1:
            shown = Name(*(" ".join(filter(None, pair)) for pair in zip(task.title, shown, strict=True)))
        yield (task.name, name), _Called(measure, shown)


def _places(suite: Suite) -> dict[str, Place]:
    """Categories without areas have codes that were only counted up, which nobody needs to see."""
    areas = suite.taxonomy.areas
    found = {area.zh: Place(area.code, Name(area.zh, area.en), area.zh) for area in areas if area.zh}
    return found | {
        one.zh: Place(one.code if area.zh else "", Name(one.zh, one.en if one.en != one.zh else ""), area.zh)
        for area in areas
        for one in area.categories
    }


@cache
def _bundled() -> dict[str, _Called]:
    """The measures of the suites that come with the project, by name; of several the first."""
    suites = sorted(map(find_suite, bundled_names()), key=lambda suite: suite.place)
    found: dict[str, _Called] = {}
    for suite in suites:
        for (_, name), called in _measures(suite):
            found.setdefault(name, called)
    return found
