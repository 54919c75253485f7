"""Several models side by side: a line for each model, and for each pair of stages what changed, item by item."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Literal

import msgspec

from anjian.items.taxonomy import load_taxonomy
from anjian.scores.gates import Criteria, Decision, decide
from anjian.scores.measures import Measure, Measures
from anjian.scores.paired import Change, Metric, compare, holm, of_group
from anjian.scores.rows import IMPORTED, Row, Verdicted


class Measured(msgspec.Struct, frozen=True):
    """One run of one model on one suite.

    Attributes:
        items: Hash of the items asked.
        folder: Where the run is.
    """

    model: str
    suite: str
    rows: list[Row]
    verdicts: list[Verdicted]
    items: str = ""
    folder: str = ""


class Line(msgspec.Struct, frozen=True):
    """One model: its row of `scores.json` for each metric of the comparison, None where there is none."""

    model: str
    cells: tuple[Row | None, ...]


class Contrast(msgspec.Struct, frozen=True):
    """What changed from one model to another, for each metric of the comparison that has items."""

    before: str
    after: str
    changes: tuple[Change, ...]
    decision: Decision


NoteKind = Literal["absent", "other items", "other judges"]


class Note(msgspec.Struct, frozen=True):
    """What keeps the models from being compared on a suite; `text` says it in English."""

    kind: NoteKind
    suite: str
    text: str
    models: tuple[str, ...] = ()


class Comparison(msgspec.Struct, frozen=True):
    """Everything that a report of several models shows.

    Attributes:
        metrics: The columns.
        lines: The models, as they were named.
        contrasts: Each model with the one before it; with three or more, also the last with the first, at the end.
        criteria: What the decisions demanded.
        notes: What keeps the models from being compared, such as other items or other judges.
    """

    metrics: tuple[Metric, ...]
    lines: tuple[Line, ...]
    contrasts: tuple[Contrast, ...]
    criteria: Criteria
    notes: tuple[Note, ...] = ()

    @property
    def last(self) -> Contrast:
        """The last stage: the last model with the one before it."""
        return self.contrasts[len(self.lines) - 2]


def compare_models(
    models: Sequence[str],
    runs: Iterable[Measured],
    measures: Mapping[str, Measures],
    criteria: Criteria,
    imported: Iterable[Row] = (),
) -> Comparison:
    """Puts two or more models side by side.

    Args:
        models: In the order of their stages, the earliest first.
        runs: Of these models, any suites.
        measures: What each suite's verdicts count.
        criteria: What a decision demands.
        imported: Rows that other harnesses measured.
    """
    found = {(run.model, run.suite): run for run in runs}
    suites = [suite for suite in measures if any(run.suite == suite for run in found.values())]
    metrics = [metric for suite in suites for metric in _metrics(suite, measures[suite], found.values())]
    others = [row for row in imported if row.model in models and row.group_kind == "overall"]
    extra = {_key(row): Metric(row.suite, IMPORTED, row.metric, role="detail") for row in others}
    cells = {(row.model, *_key(row)): row for row in [*(row for run in found.values() for row in run.rows), *others]}
    columns = [*metrics, *extra.values()]
    lines = tuple(Line(model, tuple(cells.get((model, *_place(one))) for one in columns)) for model in models)
    pairs = list(pairwise(models)) + ([(models[0], models[-1])] if len(models) > 2 else [])
    contrasts = tuple(_contrast(before, after, metrics, measures, found, criteria) for before, after in pairs)
    return Comparison(tuple(columns), lines, contrasts, criteria, tuple(_notes(metrics, models, found)))


def _key(row: Row) -> tuple[str, str, str, str]:
    return row.suite, row.metric, row.group_kind, row.group


def _place(metric: Metric) -> tuple[str, str, str, str]:
    return metric.suite, metric.metric, metric.group_kind, metric.group


def _metrics(suite: str, measures: Measures, runs: Iterable[Measured]) -> Iterator[Metric]:
    """The columns of a suite, in the order in which it declares them; only those that somebody has rows for."""
    rows = {_key(row) for run in runs if run.suite == suite for row in run.rows}
    for task, named in measures.items():
        for name, measure in named.items():
            whole = Metric(suite, task, name, higher=measure.higher, role=measure.role, best=measure.best)
            if measure.role == "detail" or _place(whole) not in rows:
                continue
            yield whole
            areas = load_taxonomy(suite).areas if measure.by_area else ()
            for area in areas:
                part = msgspec.structs.replace(whole, metric=measure.by_area, group_kind="area", group=area.zh)
                if _place(part) in rows:
                    yield part


def _contrast(
    before: str,
    after: str,
    metrics: Sequence[Metric],
    measures: Mapping[str, Measures],
    runs: Mapping[tuple[str, str], Measured],
    criteria: Criteria,
) -> Contrast:
    changes = []
    for metric in metrics:
        ends = [runs.get((model, metric.suite)) for model in (before, after)]
        members = _members(metric)
        first, second = (of_group(run.verdicts if run else (), metric, members) for run in ends)
        changes.append(compare(metric, _measure(measures, metric), first, second))
    corrected = holm(changes)
    return Contrast(before, after, tuple(corrected), decide(corrected, criteria))


def _measure(measures: Mapping[str, Measures], metric: Metric) -> Measure:
    return next(
        measure
        for name, measure in measures[metric.suite][metric.task].items()
        if metric.metric in (name, measure.by_area)
    )


def _members(metric: Metric) -> dict[str, str]:
    """Category to area, where a metric is about one area."""
    return {} if metric.group_kind == "overall" else load_taxonomy(metric.suite).area_names()


def _notes(
    metrics: Sequence[Metric], models: Sequence[str], runs: Mapping[tuple[str, str], Measured]
) -> Iterator[Note]:
    shown = {_place(metric) for metric in metrics}
    for suite in dict.fromkeys(metric.suite for metric in metrics):
        mine = {model: runs[model, suite] for model in models if (model, suite) in runs}
        if absent := tuple(model for model in models if model not in mine):
            yield Note("absent", suite, f"{suite}: no run of {', '.join(absent)}", absent)
        if len({run.items for run in mine.values()}) > 1:
            words = "the models were asked different items; only shared ones are compared"
            yield Note("other items", suite, f"{suite}: {words}")
        judges = {(row.task, row.judge) for run in mine.values() for row in run.rows if _key(row) in shown}
        if len(judges) > len({task for task, _ in judges}):
            words = "the models had different judges; their difference is partly the judges'"
            yield Note("other judges", suite, f"{suite}: {words}")
