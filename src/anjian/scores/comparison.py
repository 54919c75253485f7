"""Several models side by side: a line for each model, and for each pair of stages what changed, item by item."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Literal

import msgspec

from anjian.scores.gates import Criteria, Decision, decide
from anjian.scores.measures import Declaration, Measure, Task
from anjian.scores.paired import Change, Metric, holm, of_group, paired_change
from anjian.scores.paired_ratios import compare_ratios
from anjian.scores.rows import IMPORTED, Row, Verdicted


class Measured(msgspec.Struct, frozen=True):
    """One run of one model on one suite.

    Attributes:
        items: Hash of the items asked.
        folder: Where the run is.
        version: Of the suite, when it ran.
    """

    model: str
    suite: str
    rows: list[Row]
    verdicts: list[Verdicted]
    items: str = ""
    folder: str = ""
    version: str = ""


class ModelLine(msgspec.Struct, frozen=True):
    """One model: its row of `scores.json` for each metric of the comparison, None where there is none."""

    model: str
    cells: tuple[Row | None, ...]


class Contrast(msgspec.Struct, frozen=True):
    """What changed from one model to another, for each metric of the comparison that has items."""

    before: str
    after: str
    changes: tuple[Change, ...]
    decision: Decision


NoteKind = Literal["absent", "other items", "other judges", "other versions"]


class Note(msgspec.Struct, frozen=True):
    """What keeps the models from being compared on a suite; `text` says it in English."""

    kind: NoteKind
    suite: str
    text: str
    models: tuple[str, ...] = ()


class SideBySide(msgspec.Struct, frozen=True):
    """Everything that a report of several models shows.

    Attributes:
        metrics: The columns.
        lines: The models, as they were named.
        contrasts: Each model with the one before it; with three or more, also the last with the first, at the end.
        criteria: What the decisions demanded.
        notes: What keeps the models from being compared, such as other items or other judges.
    """

    metrics: tuple[Metric, ...]
    lines: tuple[ModelLine, ...]
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
    suites: Sequence[Declaration],
    criteria: Criteria,
    imported: Iterable[Row] = (),
    protected: Mapping[str, str] = {},
) -> SideBySide:
    """Puts two or more models side by side.

    Args:
        models: In the order of their stages, the earliest first.
        runs: Of these models, any suites.
        suites: What their verdicts count, in the order of the table.
        criteria: What a decision demands.
        imported: Rows that other harnesses measured.
        protected: Guards that must have been measured: metric to what it protects, in English.
    """
    found = {(run.model, run.suite): run for run in runs}
    measured = {run.suite for run in found.values()}
    metrics = [metric for suite in suites if suite.name in measured for metric in _metrics(suite, found.values())]
    others = [row for row in imported if row.model in models and row.group_kind == "overall"]
    extra = {_key(row): Metric(row.suite, IMPORTED, row.metric, role="detail") for row in others}
    cells = {(row.model, *_key(row)): row for row in [*(row for run in found.values() for row in run.rows), *others]}
    columns = [*metrics, *extra.values()]
    lines = tuple(ModelLine(model, tuple(cells.get((model, *_place(one))) for one in columns)) for model in models)
    declared = {suite.name: suite for suite in suites}
    versions = {suite.name: suite.version for suite in suites}
    pairs = list(pairwise(models)) + ([(models[0], models[-1])] if len(models) > 2 else [])
    contrasts = tuple(
        _contrast(before, after, metrics, declared, found, criteria, protected) for before, after in pairs
    )
    return SideBySide(tuple(columns), lines, contrasts, criteria, tuple(_notes(metrics, models, found, versions)))


def _key(row: Row) -> tuple[str, str, str, str, str]:
    return row.suite, row.task, row.metric, row.group_kind, row.group


def _place(metric: Metric) -> tuple[str, str, str, str, str]:
    return metric.suite, metric.task, metric.metric, metric.group_kind, metric.group


def _metrics(suite: Declaration, runs: Iterable[Measured]) -> Iterator[Metric]:
    """The columns of a suite, in the order in which it declares them; only those that somebody has rows for."""
    rows = {_key(row) for run in runs if run.suite == suite.name for row in run.rows}
    kind = suite.levels[0]
    declared = [(task, measure) for task in suite.tasks if task.compared for measure in task.measures]
    for task, measure in declared:
        whole = Metric(suite.name, task.name, measure.name, higher=measure.higher, role=measure.role, best=measure.best)
        if measure.role == "detail" or _place(whole) not in rows:
            continue
        yield whole
        for area in suite.taxonomy.areas if measure.areas else ():
            part = msgspec.structs.replace(whole, metric=measure.called(kind), group_kind=kind, group=area.zh)
            if _place(part) in rows:
                yield part


def _contrast(
    before: str,
    after: str,
    metrics: Sequence[Metric],
    suites: Mapping[str, Declaration],
    runs: Mapping[tuple[str, str], Measured],
    criteria: Criteria,
    protected: Mapping[str, str],
) -> Contrast:
    changes = []
    for metric in metrics:
        suite = suites[metric.suite]
        task, measure = _declared(suite, metric)
        ends = [runs.get((model, metric.suite)) for model in (before, after)]
        areas = {} if metric.group_kind == "overall" else suite.taxonomy.area_names()
        first, second = (of_group(run.verdicts if run else (), metric, task.counted, areas) for run in ends)
        ratio = measure.ratio
        changes.append(
            compare_ratios(metric, ratio, first, second) if ratio else paired_change(metric, measure, first, second)
        )
    corrected = holm(changes)
    return Contrast(before, after, tuple(corrected), decide(corrected, criteria, protected))


def _declared(suite: Declaration, metric: Metric) -> tuple[Task, Measure]:
    """The task and the measure that a column shows."""
    task = next(task for task in suite.tasks if task.name == metric.task)
    names = {measure.name: measure for measure in task.measures}
    return task, names.get(metric.metric) or next(one for one in task.measures if one.areas)


def _notes(
    metrics: Sequence[Metric],
    models: Sequence[str],
    runs: Mapping[tuple[str, str], Measured],
    declared: Mapping[str, str],
) -> Iterator[Note]:
    shown = {_place(metric) for metric in metrics}
    for suite in dict.fromkeys(metric.suite for metric in metrics):
        mine = {model: runs[model, suite] for model in models if (model, suite) in runs}
        if absent := tuple(model for model in models if model not in mine):
            yield Note("absent", suite, f"{suite}: no run of {', '.join(absent)}", absent)
        if len({run.items for run in mine.values()}) > 1:
            words = "the models were asked different items; only shared ones are compared"
            yield Note("other items", suite, f"{suite}: {words}")
        versions = {declared[suite], *(run.version for run in mine.values())} - {""}
        if len(versions) > 1:
            words = f"the runs are of other versions of the suite ({', '.join(sorted(versions))}); run them again"
            yield Note("other versions", suite, f"{suite}: {words}", tuple(sorted(versions)))
        judges = {(row.task, row.judge) for run in mine.values() for row in run.rows if _key(row) in shown}
        if len(judges) > len({task for task, _ in judges}):
            words = "the models had different judges; their difference is partly the judges'"
            yield Note("other judges", suite, f"{suite}: {words}")
