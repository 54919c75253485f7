"""Reads `results_*.json` of lm-evaluation-harness.

Read in the sources of 0.3.0, 0.4.3, 0.4.9 and 0.4.13: `lm_eval/evaluator_utils.py`, `lm_eval/result_schema.py`,
`lm_eval/loggers/evaluation_tracker.py`. A task's metrics stand under `metric,filter` (0.3: `metric`) beside
`metric_stderr,filter`; a group's stand among them, and `group_subtasks` tells what belongs to it.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from anjian.imports.numbers import Measure, Results, count, fraction, rows_of
from anjian.scores.rows import GroupKind

_NO_METRICS = ("alias", "name", "sample_len", "sample_count", " ")
_STDERR = "_stderr"
_VERSION = re.compile(r"\d[\w.+-]*")
_MODEL_KEYS = ("peft", "delta", "pretrained", "model", "path", "engine")
"""Where the harness itself looks for the model's name in `model_args`, in its order."""


class _Report(msgspec.Struct):
    results: dict[str, dict[str, Any]]
    group_subtasks: dict[str, list[str]] | None = None
    n_samples: dict[str, Any] | None = msgspec.field(name="n-samples", default=None)
    config: dict[str, Any] | None = None
    model_name: str | None = None
    lm_eval_version: str | None = None


def is_lm_eval(content: dict[str, Any]) -> bool:
    """True if a JSON object has the form of a results file."""
    results = content.get("results")
    known = ("versions", "configs", "n-shot", "n-samples", "config")
    return isinstance(results, dict) and all(isinstance(m, dict) for m in results.values()) and any(
        key in content for key in known
    )  # fmt: skip


def read_lm_eval(path: Path, content: dict[str, Any]) -> Results:
    """Reads a results file: a suite for each task that is in no group, and for each outermost group with metrics.

    Raises:
        msgspec.ValidationError: A key has another type than in the harness.
    """
    report = msgspec.convert(content, _Report)
    version = report.lm_eval_version or ""
    harness = f"lm-eval {version}" if _VERSION.fullmatch(version) else "lm-eval"
    suites: dict[str, list[Measure]] = defaultdict(list)
    for task in report.results:
        suite, kind = _place(report, task)
        suites[suite] += _measures(report, task, kind)
    rows, notes = [], []
    for suite, measures in suites.items():
        found, remarks = rows_of(path, suite, _model(report), harness, measures)
        rows += found
        notes += remarks
    return Results(path, harness, rows, notes)


def _model(report: _Report) -> str:
    if report.model_name:
        return report.model_name
    config = report.config or {}
    given = config.get("model_args")
    if isinstance(given, str):
        given = dict(part.partition("=")[::2] for part in given.split(","))
    named = (given[key] for key in _MODEL_KEYS if key in given) if isinstance(given, dict) else iter(())
    name = next(named, None) or config.get("model")
    return name if isinstance(name, str) else ""


def _place(report: _Report, task: str) -> tuple[str, GroupKind]:
    """The suite of a task and what it is there: the outermost group above it that has metrics of its own."""
    subtasks = report.group_subtasks or {}
    suite, seen, inside = task, {task}, task
    while above := next((group for group, tasks in subtasks.items() if inside in tasks and group not in seen), None):
        seen.add(above)
        inside = above
        if any(_metrics(report.results.get(above, {}))):
            suite = above
    if suite == task:
        return suite, "overall"
    return suite, "area" if subtasks.get(task) else "category"


def _metrics(values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for key in values:
        metric, _, chosen = key.partition(",")
        if key not in _NO_METRICS and not metric.endswith(_STDERR):
            yield metric, chosen


def _measures(report: _Report, task: str, kind: GroupKind) -> Iterator[Measure]:
    values = report.results[task]
    n = _samples(report, task, set())
    for metric, chosen in _metrics(values):
        tail = f",{chosen}" if chosen else ""
        value = values[metric + tail]
        yield Measure(
            metric,
            value,
            n,
            n,
            stderr=values.get(f"{metric}{_STDERR}{tail}"),
            variant="" if chosen == "none" else chosen,
            bounds=fraction(metric, value),
            kind=kind,
            group="overall" if kind == "overall" else task,
        )


def _samples(report: _Report, task: str, seen: set[str]) -> int:
    """How many samples were asked; older versions give no count for a group, which then has those of its tasks."""
    given = (report.n_samples or {}).get(task)
    found = count(given.get("effective")) if isinstance(given, dict) else None
    if found is None:
        found = count(report.results.get(task, {}).get("sample_len"))
    if found is not None or task in seen:
        return found or 0
    seen.add(task)
    return sum(_samples(report, name, seen) for name in (report.group_subtasks or {}).get(task, ()))
