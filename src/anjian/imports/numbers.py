"""What the readers share: numbers read with suspicion, intervals, and rows made of measurements."""

import math
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from anjian.errors import UsageError
from anjian.scores.intervals import Z95, wilson
from anjian.scores.rows import IMPORTED, GroupKind, Row

FORMS = "reports of EvalScope, results_*.json of lm-evaluation-harness, .json and .eval logs of Inspect AI"
STANDARD = {"accuracy": "acc", "mean_acc": "acc", "AverageAccuracy": "acc", "WeightedAverageAccuracy": "acc"}
"""Names of one and the same thing: the share of right answers."""
_NO_FRACTIONS = ("perplexity", "bits_per", "likelihood", "loss", "bleu", "chrf", "mcc", "matthews", "pearson",
                 "spearman", "kendall", "brier", "token", "latency")  # fmt: skip
"""Parts of the names of metrics that may lie between 0 and 1 and yet are no shares of anything."""
_MOST = 10**15

Range = tuple[float, float]
FRACTION: Range = (0.0, 1.0)


class UnknownFormError(UsageError):
    """A file that is none of the forms that are read."""


class BrokenFileError(UsageError):
    """A file that is no JSON and no archive, or one cut short."""


class Measure(NamedTuple):
    """One number of a harness, before it has its final name.

    Attributes:
        metric: The harness's name of the metric.
        value: The number; anything else is left out with a note.
        n: How many were asked; 0 if the file does not say.
        scored: How many have a score.
        stderr: The standard error that the harness reports; anything but a positive number counts as none.
        suffix: What always belongs to the name, such as `pass_at_5`.
        variant: What tells measures of one name apart, such as a filter; needed only if there are several.
        independent: Observations for the interval where repeated answers make `scored` too large.
        bounds: Between what the metric lies; None if without bounds or unknown.
    """

    metric: str
    value: object
    n: int = 0
    scored: int = 0
    stderr: object = None
    suffix: str = ""
    variant: str = ""
    independent: int | None = None
    bounds: Range | None = None
    kind: GroupKind = "overall"
    group: str = "overall"


class Results(NamedTuple):
    """What one file holds: `harness` with its version where the file tells it, notes as lines for people."""

    path: Path
    harness: str
    rows: list[Row]
    notes: list[str]


def real(value: object) -> float | None:
    """Returns a finite number, or None for anything else; true and false are no numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def count(value: object) -> int | None:
    """Returns a whole number that can be a count, or None for anything else."""
    number = real(value)
    return int(number) if number is not None and 0 <= number <= _MOST and number == int(number) else None


def fraction(metric: str, value: object) -> Range | None:
    """Guesses a metric's bounds from its name and value: 0 and 1 unless something speaks against it."""
    number, name = real(value), metric.lower()
    if number is None or not 0 <= number <= 1 or any(part in name for part in _NO_FRACTIONS):
        return None
    return FRACTION


def interval(value: float, stderr: object, n: int, bounds: Range | None) -> tuple[float | None, float | None]:
    """The 95% interval: by a positive standard error, clipped to the bounds; else Wilson's, where there are bounds.

    Wilson's interval on a mean between bounds is that of the widest distribution with this mean, so it is never too
    narrow by the shape of the scores. A reported error of 0 (all right, all wrong, or one sample) says nothing.
    """
    error = real(stderr)
    if bounds and not bounds[0] <= value <= bounds[1]:
        bounds = None
    if error and error > 0:
        low, high = value - Z95 * error, value + Z95 * error
        if bounds:
            low, high = max(low, bounds[0]), min(high, bounds[1])
        return (low, high) if math.isfinite(low) and math.isfinite(high) else (None, None)
    if not bounds or n <= 0:
        return None, None
    floor, width = bounds[0], bounds[1] - bounds[0]
    low, high = wilson((value - floor) / width, n)
    return floor + low * width, floor + high * width


def rows_of(path: Path, suite: str, model: str, judge: str, measures: Iterable[Measure]) -> tuple[list[Row], list[str]]:
    """Makes the rows of one suite, and a note for each measure that is no number.

    Raises:
        UsageError: The suite has no name; names the file.
    """
    if not suite.strip():
        raise UsageError(f"{path}: the name of the task is missing; write it into the file")
    kept, notes = [], []
    for measure in measures:
        value = real(measure.value)
        if value is None:
            where = "" if measure.kind == "overall" else f" of {measure.group}"
            notes.append(f"{path}: {suite}, {_full(measure)}{where} is no number ({_shown(measure.value)}); left out")
        else:
            kept.append((measure, value))
    names = _names([measure for measure, _ in kept])
    rows = []
    for measure, value in kept:
        independent = measure.scored if measure.independent is None else measure.independent
        low, high = interval(value, measure.stderr, independent, measure.bounds)
        group, metric = writable(measure.group), writable(names[measure.metric, measure.suffix, measure.variant])
        figures = (round(value, 6), low if low is None else round(low, 6), high if high is None else round(high, 6))
        place = (writable(suite), IMPORTED, writable(model), judge, metric, measure.kind, group)
        rows.append(Row(*place, *figures, max(measure.n, measure.scored), measure.scored))
    return rows, notes


def _names(measures: list[Measure]) -> dict[tuple[str, str, str], str]:
    """The name of each metric: the standard one if it stays unique, with the variant only where it is needed."""
    origins = defaultdict(set)
    for measure in measures:
        origins[STANDARD.get(measure.metric, measure.metric)].add(measure.metric)
    variants = defaultdict(set)
    for measure in measures:
        variants[measure.metric, measure.suffix].add(measure.variant)
    names = {}
    for metric, suffix, variant in {(measure.metric, measure.suffix, measure.variant) for measure in measures}:
        standard = STANDARD.get(metric, metric)
        name = standard if len(origins[standard]) == 1 else metric
        shown = variant if len(variants[metric, suffix]) > 1 else ""
        names[metric, suffix, variant] = ",".join(part for part in (name, suffix, shown) if part)
    return names


def _full(measure: Measure) -> str:
    return ",".join(part for part in (measure.metric, measure.suffix, measure.variant) if part)


def _shown(value: object) -> str:
    return "nothing" if value is None else str(value)[:40] if isinstance(value, str | float) else type(value).__name__


def writable(text: str) -> str:
    """Replaces halves of surrogate pairs, which JSON can name and UTF-8 cannot hold."""
    return text.encode("utf-8", "replace").decode()
