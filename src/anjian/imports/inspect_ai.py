"""Reads the logs of Inspect AI, `.json` and `.eval`.

Read in the sources of 0.3.60 and 0.3.285: `inspect_ai/log/_log.py`, `log/_recorders/eval.py`, `_eval/task/results.py`,
`scorer/_metrics/grouped.py`. A log has `eval` (task, model, configuration) and `results` with a list of `scores`, each
with its `metrics`; an `.eval` is a zip archive whose `header.json` holds the same without the samples.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from anjian.imports.numbers import Measure, Results, count, fraction, real, rows_of

HARNESS = "inspect_ai"
_SPREAD = ("stderr", "bootstrap_stderr", "std", "var", "ci")
"""Metrics that say how sure or how spread the others are, and are no results."""
_ERRORS = ("stderr", "bootstrap_stderr")
_MEANS = ("accuracy", "mean")
"""The metrics that Inspect's standard errors belong to: they are errors of the mean."""


class _Config(msgspec.Struct):
    epochs: int | None = None


class _Eval(msgspec.Struct):
    task: str
    model: str | None = None
    config: _Config | None = None
    packages: dict[str, Any] | None = None


class _Metric(msgspec.Struct):
    name: str = ""
    value: Any = None
    group: str | None = None
    params: dict[str, Any] | None = None


class _Score(msgspec.Struct):
    name: str
    reducer: str | None = None
    scored_samples: Any = None
    unscored_samples: Any = None
    metrics: dict[str, _Metric] = {}


class _Results(msgspec.Struct):
    total_samples: Any = None
    completed_samples: Any = None
    scores: list[_Score] = []
    scorer: _Score | None = None
    metrics: dict[str, _Metric] | None = None


class _Log(msgspec.Struct):
    eval: _Eval
    status: str = "started"
    results: _Results | None = None
    invalidated: bool = False


def is_inspect(content: dict[str, Any]) -> bool:
    """True if a JSON object has the form of a log or of its header."""
    spec = content.get("eval")
    return isinstance(spec, dict) and "task" in spec and ("version" in content or "status" in content)


def read_inspect(path: Path, content: dict[str, Any]) -> Results:
    """Reads a log; logs of runs that failed or were stopped are read with a note.

    Raises:
        msgspec.ValidationError: A key has another type than in the harness.
    """
    log = msgspec.convert(content, _Log)
    version = (log.eval.packages or {}).get(HARNESS)
    harness = f"{HARNESS} {version}" if isinstance(version, str) and version else HARNESS
    notes = []
    if log.status != "success":
        notes.append(f"{path}: the run's status is `{log.status}`; what it scored may be incomplete")
    if log.invalidated:
        notes.append(f"{path}: the log was marked as invalidated")
    suite = log.eval.task.rpartition("/")[2]
    found, remarks = rows_of(path, suite, log.eval.model or "", harness, _measures(log))
    return Results(path, harness, found, notes + remarks)


def _measures(log: _Log) -> list[Measure]:
    results = log.results
    if not results:
        return []
    scores = results.scores
    if results.scorer and not scores:  # the oldest logs had one scorer, and its metrics beside it
        scores = [msgspec.structs.replace(results.scorer, metrics=results.metrics or {})]
    several = len({score.name for score in scores}) > 1
    epochs = max(1, (log.eval.config.epochs if log.eval.config else None) or 1)
    return [m for score in scores for m in _of_score(score, _counts(results, score, epochs), several)]


def _counts(results: _Results, score: _Score, epochs: int) -> tuple[int, int, int]:
    """Asked, scored, and independent: `total_samples` counts every epoch, a reduced score stands for all of them."""
    total, completed = count(results.total_samples) or 0, count(results.completed_samples) or 0
    questions = total // epochs
    scored, unscored = count(score.scored_samples), count(score.unscored_samples) or 0
    if scored is None:
        return questions, min(questions, completed // epochs), min(questions, completed // epochs)
    n = questions if scored + unscored <= questions else max(total, scored + unscored)
    return n, scored, min(scored, questions or scored)


def _of_score(score: _Score, counts: tuple[int, int, int], several: bool) -> Iterator[Measure]:
    n, scored, independent = counts
    suffix = "" if score.reducer in (None, "mean") else str(score.reducer)
    variant = score.name if several else ""
    plain = {key.rpartition("/")[2]: metric for key, metric in score.metrics.items() if not metric.group}
    error = next((plain[name].value for name in _ERRORS if name in plain), None)
    for name, metric in plain.items():
        if name not in _SPREAD:
            stderr = error if name in _MEANS else None
            yield Measure(
                name, metric.value, n, scored, stderr, suffix, variant, independent, fraction(name, metric.value)
            )
    grouped = [metric for metric in score.metrics.values() if metric.group and metric.group not in _SPREAD]
    errors = {metric.name: metric.value for metric in grouped if _grouped_metric(metric) in _ERRORS}
    for metric in grouped:
        base = _grouped_metric(metric)
        if base is None:  # a metric that gave several named numbers
            name = f"{metric.group}_{metric.name}"
            yield Measure(
                name, metric.value, n, scored, None, suffix, variant, independent, fraction(name, metric.value)
            )
        elif base not in _SPREAD and not _repeats(metric, plain.get(base)):
            yield _of_group(metric, base, errors, plain, (n, scored, independent, suffix, variant))


def _repeats(metric: _Metric, plain: _Metric | None) -> bool:
    """True for the whole of `grouped()` where the metric itself says the same."""
    return plain is not None and metric.name == _whole(metric) and real(metric.value) == real(plain.value)


def _whole(metric: _Metric) -> object:
    return (metric.params or {}).get("all_label", "all")


def _of_group(
    metric: _Metric,
    base: str,
    errors: dict[str, Any],
    plain: dict[str, _Metric],
    rest: tuple[int, int, int, str, str],
) -> Measure:
    """One group of `grouped()`, whose size the log does not tell, or the mark `all` for the whole."""
    n, scored, independent, suffix, variant = rest
    stderr = errors.get(metric.name) if base in _MEANS else None
    bounds = fraction(base, metric.value)
    if metric.name != _whole(metric):
        return Measure(base, metric.value, 0, 0, stderr, suffix, variant, 0, bounds, "category", metric.name)
    if base in plain:
        variant = ",".join(part for part in (variant, "grouped") if part)
    return Measure(base, metric.value, n, scored, stderr, suffix, variant, independent, bounds)


def _grouped_metric(metric: _Metric) -> str | None:
    """The name of the metric that `grouped()` applied to each group; None if this is no such metric."""
    inner = (metric.params or {}).get("metric")
    name = inner.get("name") if metric.group == "grouped" and isinstance(inner, dict) else None
    return name.rpartition("/")[2] if isinstance(name, str) else None
