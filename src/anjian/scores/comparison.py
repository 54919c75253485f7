"""Several models side by side: a line for each model, and for each pair of stages what changed, item by item."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import msgspec

from anjian.scores.gates import POOLED, Criteria, Decision, decide
from anjian.scores.likeness import Measured, Note, differences, first_looks
from anjian.scores.measures import Declaration, Measure, Task
from anjian.scores.paired import BOUNDS, Case, Change, Items, Metric, change_of, holm, of_group, paired_items, pooled
from anjian.scores.paired_ratios import compare_ratios
from anjian.scores.rows import IMPORTED, Row, Verdicted
from anjian.scores.watched import watched

__all__ = ["Contrast", "Measured", "ModelLine", "Note", "SideBySide", "compare_models"]


class ModelLine(msgspec.Struct, frozen=True):
    """One model: its row of `scores.json` for each metric of the comparison, None where there is none."""

    model: str
    cells: tuple[Row | None, ...]


class Contrast(msgspec.Struct, frozen=True):
    """What changed from one model to another, for each metric of the comparison.

    Attributes:
        changes: Over the replies that both models have verdicts on.
        pooled: Guards that several suites measure, over the items of all of them.
        watched: What is looked at for harm alone; see `anjian.scores.watched`.
        worst: All three if the missing replies of the second model were as bad, those of the first as good as can be;
            empty where none is missing.
        best: The other way round.
    """

    before: str
    after: str
    changes: tuple[Change, ...]
    decision: Decision
    pooled: tuple[Change, ...] = ()
    watched: tuple[Change, ...] = ()
    worst: tuple[Change, ...] = ()
    best: tuple[Change, ...] = ()


class SideBySide(msgspec.Struct, frozen=True):
    """Everything that a report of several models shows.

    Attributes:
        metrics: The columns.
        lines: The models, as they were named.
        contrasts: Each model with the one before it; with three or more, also the last with the first, at the end.
        criteria: What the decisions demanded.
        notes: What keeps the models from being compared, such as other items or other judges.
        prompts: By which prompts models judged, with their hashes.
        cards: What is known of the judges, as the runs' `judge_cards` in `run.toml`.
    """

    metrics: tuple[Metric, ...]
    lines: tuple[ModelLine, ...]
    contrasts: tuple[Contrast, ...]
    criteria: Criteria
    notes: tuple[Note, ...] = ()
    prompts: tuple[str, ...] = ()
    cards: tuple[dict[str, Any], ...] = ()

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
    pairs = list(pairwise(models)) + ([(models[0], models[-1])] if len(models) > 2 else [])
    contrasts = tuple(
        _contrast(before, after, metrics, declared, found, criteria, protected) for before, after in pairs
    )
    prompts = dict.fromkeys(run.conditions.get("judge_prompt", "") for run in found.values())
    notes = tuple(_notes(metrics, models, declared, found))
    return SideBySide(tuple(columns), lines, contrasts, criteria, notes, tuple(filter(None, prompts)))


def _key(row: Row) -> tuple[str, str, str, str, str]:
    return row.suite, row.task, row.metric, row.group_kind, row.group


def _place(metric: Metric) -> tuple[str, str, str, str, str]:
    return metric.suite, metric.task, metric.metric, metric.group_kind, metric.group


def _metrics(suite: Declaration, runs: Iterable[Measured]) -> Iterator[Metric]:
    """The columns of a suite, in the order in which it declares them; only those that somebody has rows for."""
    mine = [run for run in runs if run.suite == suite.name]
    rows, judged = {_key(row) for run in mine for row in run.rows}, {one.task for run in mine for one in run.verdicts}
    kind = suite.levels[0]
    declared = [(task, measure) for task in suite.tasks if task.compared for measure in task.measures]
    for task, measure in declared:
        whole = Metric(suite.name, task.name, measure.name, higher=measure.higher, role=measure.role, best=measure.best)
        if measure.role == "detail" or (_place(whole) not in rows and judged.isdisjoint(task.counted)):
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
    verdicts = {metric: _ends(metric, (before, after), suites, runs) for metric in metrics}

    asked = dict.fromkeys(metric.suite for metric in metrics)
    held = [(suites[suite], _verdicts(suite, (before, after), runs)) for suite in asked]

    def compared(case: Case) -> tuple[tuple[Change, ...], tuple[Change, ...], tuple[Change, ...]]:
        changes: list[Change] = []
        guards: dict[Metric, dict[str, Items]] = {}
        for metric, (first, second) in verdicts.items():
            measure = _declared(suites[metric.suite], metric)[1]
            if measure.ratio:
                most = max((task.kind.best if task.kind else 1 for task in suites[metric.suite].tasks), default=1)
                changes.append(compare_ratios(metric, measure.ratio, first, second, case, most))
                continue
            items = paired_items(measure, first, second, case)
            changes.append(change_of(metric, items))
            if metric.role == "guard" and metric.group_kind == "overall" and items.replies:
                pool = msgspec.structs.replace(metric, suite="", task="")
                guards.setdefault(pool, {})[metric.suite] = items
        pools = tuple(_pool(metric, parts) for metric, parts in guards.items() if len(parts) > 1)
        return tuple(holm(changes)), tuple(watched(held, case)), pools

    changes, watches, pools = compared("scored")
    missing = any(change.missing for change in changes)
    worst, best = (sum(compared(case), ()) for case in BOUNDS) if missing else ((), ())
    unlike = list(_notes(metrics, (before, after), suites, runs))
    bounds = (worst, best) if missing else ()
    decision = decide((*changes, *watches, *pools), criteria, protected, bounds, unlike)
    return Contrast(before, after, changes, decision, pools, watches, worst, best)


def _ends(
    metric: Metric,
    models: tuple[str, str],
    suites: Mapping[str, Declaration],
    runs: Mapping[tuple[str, str], Measured],
) -> tuple[list[Verdicted], list[Verdicted]]:
    """The verdicts of two models that a metric is about."""
    suite = suites[metric.suite]
    task, _ = _declared(suite, metric)
    areas = {} if metric.group_kind == "overall" else suite.taxonomy.area_names()
    first, second = (of_group(held, metric, task.counted, areas) for held in _verdicts(metric.suite, models, runs))
    return first, second


def _verdicts(
    suite: str, models: tuple[str, str], runs: Mapping[tuple[str, str], Measured]
) -> tuple[Sequence[Verdicted], Sequence[Verdicted]]:
    first, second = (runs.get((model, suite)) for model in models)
    return first.verdicts if first else (), second.verdicts if second else ()


def _pool(metric: Metric, parts: Mapping[str, Items]) -> Change:
    return change_of(msgspec.structs.replace(metric, suite=POOLED.join(parts)), pooled(parts))


def _declared(suite: Declaration, metric: Metric) -> tuple[Task, Measure]:
    """The task and the measure that a column shows."""
    task = next(task for task in suite.tasks if task.name == metric.task)
    names = {measure.name: measure for measure in task.measures}
    return task, names.get(metric.metric) or next(one for one in task.measures if one.areas)


def _notes(
    metrics: Sequence[Metric],
    models: Sequence[str],
    suites: Mapping[str, Declaration],
    runs: Mapping[tuple[str, str], Measured],
) -> Iterator[Note]:
    """What keeps models from being compared, suite by suite."""
    for suite in dict.fromkeys(metric.suite for metric in metrics):
        held = {model: runs.get((model, suite)) for model in models}
        yield from differences(suite, suites[suite].version, held)
        yield from first_looks(suite, suites[suite].tasks, filter(None, held.values()))
