"""A comparison as tidy CSV: `compare.csv`, a line for each cell, and `changes.csv`, a line for each change."""

from collections.abc import Iterator

from anjian.reports.comparison.table import sheets
from anjian.reports.comparison.words import mark, way_of
from anjian.reports.names import Lexicon
from anjian.reports.text import csv_text
from anjian.scores.comparison import SideBySide

CELLS = (
    "model", "suite", "task", "metric", "group_kind", "group", "higher_is_better", "value", "low", "high", "n",
    "scored", "judge", "best",
)  # fmt: skip
CHANGES = (
    "before", "after", "suite", "task", "metric", "group_kind", "group", "higher_is_better", "role", "n", "left_out",
    "replies", "missing", "value_before", "value_after", "change", "low", "high", "bound_low", "bound_high", "p",
    "p_holm", "test", "significance", "direction", "improved", "worsened", "decision", "exit_code",
)  # fmt: skip
"""Values and changes as in `scores.json`: fractions for rates, 0 to 100 for scores."""


def cells_csv(comparison: SideBySide, lexicon: Lexicon) -> str:
    """The table of models, a line for each model and metric that has a row."""
    return csv_text([CELLS, *_cells(comparison, lexicon)])


def changes_csv(comparison: SideBySide) -> str:
    """What changed, a line for each pair of models and metric."""
    return csv_text([CHANGES, *_changes(comparison)])


def _cells(comparison: SideBySide, lexicon: Lexicon) -> Iterator[tuple[object, ...]]:
    columns = [column for sheet in sheets(comparison, lexicon) for column in sheet.columns]
    for place, line in enumerate(comparison.lines):
        for column in columns:
            row = column.cells[place]
            if row is not None:
                where = (row.suite, row.task, row.metric, row.group_kind, row.group, int(column.metric.higher))
                best = int(place in column.best)
                yield line.model, *where, row.value, row.low, row.high, row.n, row.scored, row.judge, best


def _changes(comparison: SideBySide) -> Iterator[tuple[object, ...]]:
    alpha = comparison.criteria.alpha
    for contrast in comparison.contrasts:
        decision = contrast.decision
        for change in contrast.changes:
            metric = change.metric
            yield (
                contrast.before,
                contrast.after,
                *(metric.suite, metric.task, metric.metric, metric.group_kind, metric.group, int(metric.higher)),
                *(metric.role, change.n, change.left_out, change.replies, change.missing),
                *(change.before, change.after, change.change),
                *(change.low, change.high, change.bound_low, change.bound_high, change.p, change.p_holm, change.test),
                *(mark(change, alpha), way_of(change, alpha), len(change.improved), len(change.worsened)),
                *(decision.outcome, decision.exit_code),
            )
