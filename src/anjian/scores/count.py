"""Counts the verdicts of a suite into the rows of `scores.json`, by what its tasks declare."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from anjian.items.taxonomy import Taxonomy
from anjian.scores.attacks import Attacks
from anjian.scores.floors import Floors
from anjian.scores.measures import Task
from anjian.scores.points import Points
from anjian.scores.ratios import Ratios
from anjian.scores.rows import FINEST, GroupKind, Row, Verdicted
from anjian.scores.shapes import Shapes
from anjian.scores.tally import Tally
from anjian.scores.thoughts import Thoughts
from anjian.scores.untold import Untold
from anjian.scores.votes import Votes


class Count:
    """Counts one verdict after another; nothing but sums is kept, except for ratios."""

    def __init__(self, suite: str, tasks: Sequence[Task], taxonomy: Taxonomy) -> None:
        """Takes what is counted, and where the categories stand.

        It also counts the `reasons` why replies are unscored, and keeps the first `words` said for each; and who of a
        cascade `decided` how often.
        """
        self.n = self.scored = 0
        self.reasons: Counter[str] = Counter()
        self.words: dict[str, str] = {}
        self._suite = suite
        self._order = taxonomy_order(taxonomy)
        areas = taxonomy.area_names()
        self._tasks = [(task, _Counters(task, areas)) for task in tasks]
        self._of = {
            name: [counters for task, counters in self._tasks if name in task.counted]
            for name in {name for task in tasks for name in task.counted}
        }
        self._votes, self._shapes, self._untold, self._thoughts = Votes(), Shapes(), Untold(), Thoughts(tasks, areas)
        self.decided: Counter[str] = Counter()
        self._seen: set[str] = set()

    def add(self, verdict: Verdicted) -> None:
        """Counts one verdict; those of an item stand together, those of a dialogue in order."""
        self.n += 1
        if verdict.unscored is None:
            self.scored += 1
        else:
            self.reasons[verdict.unscored] += 1
            self.words.setdefault(verdict.unscored, verdict.analysis)
        self._seen.add(verdict.task)
        for counters in self._of[verdict.task]:
            counters.add(verdict)
        self._votes.add(verdict)
        self._shapes.add(verdict)
        self._untold.add(verdict)
        self._thoughts.add(verdict)
        if verdict.decided_by:
            self.decided[verdict.decided_by] += 1

    def places(self, verdict: Verdicted) -> Iterator[tuple[str, GroupKind, str]]:
        """Yields the task, kind and name of every group that a verdict of that task counts in."""
        for counters in self._of[verdict.task]:
            if counters.task.name == verdict.task:
                for kind, group in counters.groups(verdict):
                    yield verdict.task, kind, group

    def rows(self, model: str, judge: str, epochs: int) -> list[Row]:
        """Returns all rows.

        Args:
            model: Who was asked.
            judge: Who judged, for the tasks whose kind has no judge of its own.
            epochs: How often each item was asked.
        """
        rows: list[Row] = []
        judges = [(task.kind.by if task.kind else "") or judge for task, _ in self._tasks]
        for (task, counters), by in zip(self._tasks, judges, strict=True):
            if task.needs and task.needs not in self._seen:
                continue
            rows += self._untold.told(task, counters.rows(self._suite, task.name, model, by, self._order))
        by = judge if judge in judges else judges[0]
        return [
            *rows,
            *self._votes.rows(suite=self._suite, model=model, judge=by),
            *self._shapes.rows(suite=self._suite, model=model, judge=by),
            *self._thoughts.rows(suite=self._suite, model=model, judge=by, order=self._order),
        ]

    def notes(self, judge: str) -> list[str]:
        """What the verdicts leave open, in words."""
        return self._untold.notes([task for task, _ in self._tasks], judge)


class _Counters:
    """The counters of one task."""

    def __init__(self, task: Task, areas: dict[str, str]) -> None:
        self.task = task
        self._areas = areas
        whole, ratios = [one for one in task.measures if one.value], [one for one in task.measures if one.ratio]
        self._attacks = Attacks(task.measures[0].name) if task.attack else None
        shares = [] if task.attack else [one for one in whole if one.best == 1]
        self._tally = Tally(shares, self.groups) if shares else None
        best = task.kind.best if task.kind else 1
        self._points = [Points(one, best, task.groups, task.by_round) for one in whole if one.best != 1]
        self._ratios = Ratios(ratios) if ratios else None
        floors = [one for one in task.measures if one.floor]
        self._floors = Floors(floors) if floors else None

    def groups(self, verdict: Verdicted) -> list[tuple[GroupKind, str]]:
        """The groups that a verdict belongs to."""
        found: list[tuple[GroupKind, str]] = [("overall", "overall")]
        for kind in self.task.groups:
            if kind == "history":
                found.append((kind, "with_history" if verdict.history else "without_history"))
            elif kind in FINEST:
                found += [(kind, verdict.category)] if verdict.category else []
            elif area := self._areas.get(verdict.category):
                found.append((kind, area))
        return found

    def add(self, verdict: Verdicted) -> None:
        if self._tally:
            self._tally.add(verdict)
        for points in self._points:
            points.add(verdict, self.groups(verdict))
        for counter in (self._attacks, self._ratios, self._floors):
            if counter:
                counter.add(verdict, self.groups(verdict))

    def rows(self, suite: str, task: str, model: str, judge: str, order: dict[str, int]) -> Iterable[Row]:
        if self._attacks:
            yield from self._attacks.rows(suite=suite, task=task, model=model, judge=judge, order=order)
        if self._tally:
            yield from self._tally.rows(suite=suite, task=task, model=model, judge=judge, order=order)
        for points in self._points:
            yield from points.rows(suite=suite, task=task, model=model, judge=judge, order=order)
        if self._ratios:
            yield from self._ratios.rows(suite=suite, task=task, model=model, judge=judge, order=order)
        if self._floors:
            yield from self._floors.rows(suite=suite, task=task, model=model, judge=judge, order=order)


def taxonomy_order(taxonomy: Taxonomy) -> dict[str, int]:
    """The published order of areas and categories."""
    names = [area.zh for area in taxonomy.areas] + [c.zh for area in taxonomy.areas for c in area.categories]
    return {name: place for place, name in enumerate(names)}
