"""What every form of a comparison shows: its columns by suite, how values are written, and which are the best."""

from collections.abc import Iterable, Sequence

import msgspec

from anjian.reports.names import Name, factors, group_name, metric_name, places, taxonomy_of
from anjian.reports.text import number, span
from anjian.scores.comparison import Comparison
from anjian.scores.paired import Change, Metric
from anjian.scores.rows import IMPORTED, Row

DIGITS = 2
"""Decimals of a value, as the papers print them; two values that look the same are tied."""


class Column(msgspec.Struct, frozen=True):
    """One metric for all models.

    Attributes:
        factor: What a value is multiplied by to be shown: 100 for fractions.
        cells: One for each model, None where there is no row.
        best: The places of the best models; empty where fewer than two have a value.
    """

    metric: Metric
    factor: float
    cells: tuple[Row | None, ...]
    best: frozenset[int]

    @property
    def name(self) -> Name:
        """The head."""
        return column_name(self.metric)

    @property
    def arrow(self) -> str:
        """Which way is better."""
        return "↑" if self.metric.higher else "↓"


class Sheet(msgspec.Struct, frozen=True):
    """The columns of one suite."""

    suite: str
    columns: tuple[Column, ...]

    @property
    def tasks(self) -> list[tuple[str, list[int]]]:
        """Each task with the places of its columns; how many replies were scored differs by task, not by metric."""
        found: dict[str, list[int]] = {}
        for place, column in enumerate(self.columns):
            found.setdefault(column.metric.task, []).append(place)
        return list(found.items())


def sheets(comparison: Comparison) -> list[Sheet]:
    """The table of a comparison, suite by suite."""
    columns: dict[str, list[Column]] = {}
    for place, metric in enumerate(comparison.metrics):
        cells = tuple(line.cells[place] for line in comparison.lines)
        factor = _factor(metric, cells)
        columns.setdefault(metric.suite, []).append(Column(metric, factor, cells, _best(metric, factor, cells)))
    return [Sheet(suite, tuple(found)) for suite, found in columns.items()]


def _factor(metric: Metric, cells: Iterable[Row | None]) -> float:
    if metric.task == IMPORTED:
        return factors(row for row in cells if row is not None)[metric.metric]
    return metric.points


def _best(metric: Metric, factor: float, cells: Sequence[Row | None]) -> frozenset[int]:
    values = {i: round(row.value * factor, DIGITS) for i, row in enumerate(cells) if row and row.value is not None}
    if len(values) < 2:
        return frozenset()
    best = (max if metric.higher else min)(values.values())
    return frozenset(place for place, value in values.items() if value == best)


def column_name(metric: Metric) -> Name:
    """What a metric is called; within an area by the area: `ACC-i` of Discrimination."""
    name = metric_name(metric.metric)
    if metric.group_kind == "overall":
        return name
    group = group_name(metric.suite, metric.group)
    code = places(metric.suite)[metric.group][0] + " " if metric.group in places(metric.suite) else ""
    return Name(f"{code}{group.zh}", f"{name.en} {group.en}".strip())


def area_key(metric: Metric) -> str:
    """The short English name of a metric's area, as in tables with ASCII headings; empty for overall metrics."""
    if metric.group_kind == "overall":
        return ""
    taxonomy = taxonomy_of(metric.suite)
    keys = {area.zh: area.key.replace("_", " ") for area in (taxonomy.areas if taxonomy else ())}
    return keys.get(metric.group, metric.group)


def value_of(row: Row | None, factor: float, digits: int = DIGITS) -> str:
    """A value without its unit; a dash where there is none."""
    return number(row.value if row else None, factor, digits)


def interval_of(row: Row | None, factor: float) -> str:
    """The interval of a cell, such as `58.0–68.1`; empty where there is none."""
    return span(row.low, row.high, factor, 1) if row and row.low is not None else ""


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
