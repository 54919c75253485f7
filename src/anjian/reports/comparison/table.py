"""What every form of a comparison shows: its columns by suite, how values are written, and which are the best."""

from collections.abc import Iterable, Sequence

import msgspec

from anjian.names import Name
from anjian.reports.names import Lexicon
from anjian.reports.text import interval_text, number
from anjian.scores.comparison import SideBySide
from anjian.scores.paired import Change, Metric
from anjian.scores.rows import IMPORTED, Row

DIGITS = 2
"""Decimals of a value, as the papers print them; two values that look the same are tied."""


class Column(msgspec.Struct, frozen=True):
    """One metric for all models.

    Attributes:
        name: The head.
        short: The metric alone, without its area.
        factor: What a value is multiplied by to be shown: 100 for fractions.
        cells: One for each model, None where there is no row.
        best: The places of the best models; empty where fewer than two have a value.
    """

    metric: Metric
    name: Name
    short: Name
    factor: float
    cells: tuple[Row | None, ...]
    best: frozenset[int]

    @property
    def arrow(self) -> str:
        """Which way is better."""
        return "↑" if self.metric.higher else "↓"


class Sheet(msgspec.Struct, frozen=True):
    """The columns of one suite."""

    suite: str
    name: Name
    columns: tuple[Column, ...]

    @property
    def tasks(self) -> list[tuple[str, list[int]]]:
        """Each task with the places of its columns; how many replies were scored differs by task, not by metric."""
        found: dict[str, list[int]] = {}
        for place, column in enumerate(self.columns):
            found.setdefault(column.metric.task, []).append(place)
        return list(found.items())


def sheets(comparison: SideBySide, lexicon: Lexicon) -> list[Sheet]:
    """The table of a comparison, suite by suite."""
    columns: dict[str, list[Column]] = {}
    for place, metric in enumerate(comparison.metrics):
        cells = tuple(line.cells[place] for line in comparison.lines)
        factor, short = _factor(metric, cells, lexicon), lexicon.metric(metric)
        name, best = column_name(metric, lexicon), _best(metric, factor, cells)
        columns.setdefault(metric.suite, []).append(Column(metric, name, short, factor, cells, best))
    return [Sheet(suite, lexicon.suite(suite), tuple(found)) for suite, found in columns.items()]


def _factor(metric: Metric, cells: Iterable[Row | None], lexicon: Lexicon) -> float:
    if metric.task == IMPORTED:
        return min(lexicon.factors(filter(None, cells)).values(), default=metric.points)
    return metric.points


def _best(metric: Metric, factor: float, cells: Sequence[Row | None]) -> frozenset[int]:
    values = {i: round(row.value * factor, DIGITS) for i, row in enumerate(cells) if row and row.value is not None}
    if len(values) < 2:
        return frozenset()
    best = (max if metric.higher else min)(values.values())
    return frozenset(place for place, value in values.items() if value == best)


def column_name(metric: Metric, lexicon: Lexicon) -> Name:
    """What a metric is called; within an area by the area: `ACC-i` of Discrimination."""
    name = lexicon.metric(metric)
    if metric.group_kind == "overall":
        return name
    group, code = lexicon.group(metric.suite, metric.group), lexicon.code(metric.suite, metric.group)
    return Name(f"{code} {group.zh}".strip(), f"{name.en} {group.en}".strip())


def area_key(metric: Metric, lexicon: Lexicon) -> str:
    """The short English name of a metric's area, as in tables with ASCII headings; empty for overall metrics."""
    if metric.group_kind == "overall":
        return ""
    suite = lexicon.declared(metric.suite)
    keys = {area.zh: (area.key or area.en).replace("_", " ") for area in (suite.taxonomy.areas if suite else ())}
    return keys.get(metric.group) or metric.group


def value_of(row: Row | None, factor: float, digits: int = DIGITS) -> str:
    """A value without its unit; a dash where there is none."""
    return number(row.value if row else None, factor, digits)


def interval_of(row: Row | None, factor: float) -> str:
    """The interval of a cell, such as `58.0–68.1`; empty where there is none."""
    return interval_text(row.low, row.high, factor, 1) if row and row.low is not None else ""


def signed(value: float | None, metric: Metric) -> str:
    """A change in points of 100, with its sign; zero has none.

    Example:
        >>> signed(-0.0123, Metric("chisafety", "refusal", "rr1"))
        '−1.2'
    """
    if value is None:
        return "–"
    text = f"{value * metric.points:+.1f}"
    return "0.0" if float(text) == 0 else text.replace("-", "−")


def change_span(change: Change) -> str:
    """The interval of a change, such as `[−1.2, +3.4]`; empty where nothing was compared."""
    if change.low is None:
        return ""
    return f"[{signed(change.low, change.metric)}, {signed(change.high, change.metric)}]"
