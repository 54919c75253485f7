"""Reads the reports of EvalScope, `reports/MODEL/DATASET.json`.

Read in the sources of 0.6.0 and 0.8.2 (`benchmarks/data_adapter.py`: `metric`, `category`, `subset`, `total_num`),
0.10.1, 0.17.1 and 1.0.2 (`report/`: `metrics` by `name`) and 1.14.1 (`report/report.py`, schema 2: `metrics` by
`identity`, with their bounds under `semantics`). A report tells neither the version of EvalScope nor how often each
question was asked; both stand in `configs/task_config*.yaml` of the same run, which is read where it is still beside.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from anjian.imports.numbers import Measure, Range, Results, count, fraction, real, rows_of
from anjian.scores.rows import GroupKind

HARNESS = "evalscope"
_PLAIN = ("mean", "identity")
_OVER_ANSWERS = (*_PLAIN, "clipped_mean")
"""Aggregations whose count is of answers; those over k answers count questions."""
_CONFIG, _MOST_CONFIG = "configs/task_config*.yaml", 2**20


class _Run(NamedTuple):
    """What the configuration beside a report tells."""

    version: str = ""
    repeats: int = 1


class _Subset(msgspec.Struct):
    name: str = ""
    score: Any = None
    num: Any = None
    is_aggregate: bool = False


class _Category(msgspec.Struct):
    name: str | list[str] = ""
    score: Any = None
    num: Any = None
    subsets: list[_Subset] = []


class _Identity(msgspec.Struct):
    name: str
    aggregation: str = "mean"
    dimensions: dict[str, Any] = {}


class _Bounds(msgspec.Struct):
    min: Any = None
    max: Any = None


class _Semantics(msgspec.Struct):
    value_range: _Bounds | None = None


class _Metric(msgspec.Struct):
    name: str = ""
    identity: _Identity | None = None
    semantics: _Semantics | None = None
    score: Any = None
    num: Any = None
    categories: list[_Category] = []


class _Execution(msgspec.Struct):
    requested: Any = None
    succeeded: Any = None


class _Report(msgspec.Struct):
    metrics: list[_Metric]
    dataset_name: str | None = None
    model_name: str | None = None
    execution_summary: _Execution | None = None


class _OldSubset(msgspec.Struct):
    name: str = ""
    score: Any = None


class _OldCategory(msgspec.Struct):
    name: str = ""
    score: Any = None
    subset: list[_OldSubset] = []


class _OldReport(msgspec.Struct):
    score: Any
    category: list[_OldCategory]
    name: str | None = None
    metric: str | None = None
    total_num: Any = None
    dataset_name: str | None = None
    model_name: str | None = None


def is_evalscope(content: dict[str, Any]) -> bool:
    """True if a JSON object has the form of a report, of today or before 0.10."""
    if isinstance(content.get("metrics"), list):
        return "dataset_name" in content and "model_name" in content
    return isinstance(content.get("category"), list) and {"name", "metric", "score"} <= content.keys()


def read_evalscope(path: Path, content: dict[str, Any]) -> Results:
    """Reads a report; a category of several subsets becomes an area, a subset becomes a category.

    Raises:
        msgspec.ValidationError: A key has another type than in the harness.
    """
    run = _run(path)
    if isinstance(content.get("metrics"), list):
        report = msgspec.convert(content, _Report)
        suite, model = report.dataset_name, report.model_name
        measures = [measure for metric in report.metrics for measure in _measures(report, metric, run.repeats)]
    else:
        old = msgspec.convert(content, _OldReport)
        suite, model = old.dataset_name or old.name, old.model_name
        measures = list(_old_measures(old))
    harness = f"{HARNESS} {run.version}" if run.version else HARNESS
    rows, notes = rows_of(path, suite or "", model or "", harness, measures)
    return Results(path, harness, rows, notes)


def _run(report: Path) -> _Run:
    """Looks beside `reports/MODEL/DATASET.json`; configurations that differ, as of several runs, tell nothing."""
    found = set()
    for path in report.absolute().parent.parent.parent.glob(_CONFIG):
        try:
            with path.open("rb") as file:
                text = file.read(_MOST_CONFIG).decode("utf-8", "replace")
        except OSError:
            continue
        version = re.search(r"^evalscope_version: ([\w.+-]{1,40})$", text, re.MULTILINE)
        repeats = re.search(r"^repeats: (\d{1,6})$", text, re.MULTILINE)
        found.add(_Run(version[1] if version else "", max(1, int(repeats[1])) if repeats else 1))
    return found.pop() if len(found) == 1 else _Run()


def _measures(report: _Report, metric: _Metric, repeats: int) -> Iterator[Measure]:
    questions = _questions(report, metric, repeats)
    yield _measure(metric, metric.score, metric.num, questions, _asked(report, metric))
    real_subsets = [(c, [s for s in c.subsets if not s.is_aggregate]) for c in metric.categories]
    whole = count(metric.num) or 0
    for name, kind, part in _groups(real_subsets):
        n = count(part.num) or 0
        # Repeated answers are spread over the groups as over the whole.
        independent = n * questions // whole if whole else n
        yield _measure(metric, part.score, n, independent, n, kind, name)


def _groups(
    categories: Sequence[tuple[_Category, Sequence[_Subset]]],
) -> Iterator[tuple[str, GroupKind, _Category | _Subset]]:
    if len(categories) > 1 and any(len(subsets) > 1 for _, subsets in categories):
        for category, _ in categories:
            yield category.name if isinstance(category.name, str) else "/".join(category.name), "area", category
    if sum(len(subsets) for _, subsets in categories) > 1:
        for _, subsets in categories:
            yield from ((subset.name, "category", subset) for subset in subsets)


def _measure(
    metric: _Metric,
    value: object,
    num: object,
    independent: int,
    asked: int,
    kind: GroupKind = "overall",
    group: str = "overall",
) -> Measure:
    scored, identity = count(num) or 0, metric.identity
    name, suffix = metric.name, ""
    if identity:
        name = identity.name
        how = [] if identity.aggregation in _PLAIN else [identity.aggregation]
        suffix = ",".join([*how, *(f"{key}={value}" for key, value in sorted(identity.dimensions.items()))])
    bounds = _bounds(metric, name, value)
    return Measure(name, value, asked, scored, None, suffix, "", independent, bounds, kind, group)


def _bounds(metric: _Metric, name: str, value: object) -> Range | None:
    """The declared bounds; for reports that declare none anywhere, a guess by name."""
    if not metric.semantics:
        return fraction(name, value)
    declared = metric.semantics.value_range
    low, high = (real(declared.min), real(declared.max)) if declared else (None, None)
    return (low, high) if low is not None and high is not None and low < high else None


def _questions(report: _Report, metric: _Metric, repeats: int) -> int:
    """How many questions a metric rests on: answers by how often each was asked, or a smaller count by another way."""
    answers = count(metric.num) or 0
    over_answers = not metric.identity or metric.identity.aggregation in _OVER_ANSWERS
    counts = [-(-answers // repeats) if over_answers else answers]
    if metric.identity:
        same = [m for m in report.metrics if m.identity and m.identity.name == metric.identity.name]
        counts += [found for other in same if (found := count(other.num))]
    return min(counts)


def _asked(report: _Report, metric: _Metric) -> int:
    """Those that failed count as asked, where the report tells of them and the metric counts the same things."""
    scored, execution = count(metric.num) or 0, report.execution_summary
    if execution and scored and count(execution.succeeded) == scored:
        return max(scored, count(execution.requested) or 0)
    return scored


def _old_measures(report: _OldReport) -> Iterator[Measure]:
    n = count(report.total_num) or 0
    for name, value in _old_scores(report.metric or "score", report.score):
        yield Measure(name, value, n, n, bounds=fraction(name, value))
    several = sum(len(category.subset) for category in report.category) > 1
    for category in report.category if several else ():
        if len(report.category) > 1 and len(category.subset) > 1:
            for name, value in _old_scores(report.metric or "score", category.score):
                yield Measure(name, value, kind="area", group=category.name)
        for subset in category.subset:
            for name, value in _old_scores(report.metric or "score", subset.score):
                yield Measure(name, value, kind="category", group=subset.name)


def _old_scores(metric: str, score: object) -> list[tuple[str, object]]:
    """HumanEval reported several scores at once, by their names."""
    return [(str(name), value) for name, value in score.items()] if isinstance(score, dict) else [(metric, score)]
