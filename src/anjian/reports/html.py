"""The report of one run: one HTML file; see `anjian.reports.page`."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from anjian.files import replace
from anjian.reports.entries import Run, read_run
from anjian.reports.names import (
    KINDS,
    LABELS,
    MEANINGS,
    SHAPES,
    SUITES,
    TASKS,
    THINKING,
    factors,
    group_name,
    in_order,
    is_plain,
    metric_name,
    named,
    places,
    reason,
)
from anjian.reports.page import render_page
from anjian.reports.text import number, span
from anjian.scores.rows import Row

REPORT = "report.html"
ENOUGH = 0.95
"""Coverage below this is flagged."""


def write_report(folder: Path) -> Path:
    """Writes `report.html` into the folder of a finished run and returns its path.

    Raises:
        UsageError: The folder does not hold a finished run.
        AnjianError: The file cannot be written.
    """
    path = folder / REPORT
    replace(path, render_report(read_run(folder)).encode())
    return path


def render_report(run: Run) -> str:
    """Renders the page."""
    run = msgspec.structs.replace(run, rows=in_order(run.rows))
    return render_page("report.html.j2", _context(run), _data(run), ["charts.js", "report.js"], ["report.css"])


def _data(run: Run) -> dict[str, Any]:
    """What the page's scripts work on."""
    figures = import_module("anjian.reports.figures").all_figures(run)
    names = {
        "tasks": {key: str(name) for key, name in TASKS.items()},
        "labels": {key: str(name) for key, name in LABELS.items()},
        "shapes": {key: str(name) for key, name in SHAPES.items()},
        "reasons": {key: str(reason(key)) for _, key in run.counts.reasons},
    }
    return {"figures": figures, "names": names, "entries": run.entries}


def _context(run: Run) -> dict[str, Any]:
    about, counts = run.about, run.counts
    rows = [row for row in run.rows if not row.metric.startswith(THINKING)]
    suite = str(about.run.get("suite", ""))
    tasks = list(dict.fromkeys(row.task for row in rows))
    origin = str(about.items.get("origin", ""))
    return {
        "about": about,
        "suite": named(SUITES, suite),
        "coverage": counts.scored / counts.n if counts.n else 0.0,
        "enough": ENOUGH,
        "counts": counts,
        "by_rules": "rules-v1" in str(about.run.get("judge", "")).split("+"),
        "cards": _cards([row for row in rows if row.group_kind == "overall"]),
        "areas": _table([row for row in rows if row.group_kind in ("area", "ability")]),
        "categories": _table([row for row in rows if row.group_kind in ("category", "dimension")]),
        "no_choice": suite == "chisafety" and "mcq" not in tasks,
        "origin": "自带题库 bundled bank" if origin == "bundled bank" else origin,
        "official": origin.startswith("official release"),
        "tasks": [(task, named(TASKS, task)) for task in tasks],
        "shapes": [(named(SHAPES, shape), shape) for shape in SHAPES],
        "reasons": [(named(TASKS, task), reason(key), n) for (task, key), n in counts.reasons.most_common()],
        "left_out": counts.n - len(run.entries),
    }


def _cards(rows: Sequence[Row]) -> list[dict[str, Any]]:
    factor = factors(rows)
    return [
        {
            "metric": row.metric,
            "name": metric_name(row.metric),
            "meaning": MEANINGS.get(row.metric),
            "value": number(row.value, factor[row.metric]),
            "unit": "%" if factor[row.metric] == 100 and row.value is not None else "",
            "span": span(row.low, row.high, factor[row.metric]),
            "marks": [round((part or 0) * factor[row.metric], 2) for part in (row.low, row.value, row.high)],
            "on_scale": row.low is not None and (row.metric == "score" or not is_plain(row.metric)),
            "row": row,
        }
        for row in rows
    ]


def _table(rows: Sequence[Row]) -> dict[str, Any]:
    """Groups down, metrics across; a cell holds value, interval, scored and n."""
    metrics = list(dict.fromkeys((row.task, row.metric) for row in rows))
    factor, cells = factors(rows), {(row.group, row.task, row.metric): row for row in rows}
    lines = []
    for group in dict.fromkeys(row.group for row in rows):
        suite = rows[0].suite
        found = [cells.get((group, task, metric)) for task, metric in metrics]
        line = [
            (number(row.value, factor[row.metric]), span(row.low, row.high, factor[row.metric], 1), row)
            if row
            else None
            for row in found
        ]
        code = places(suite)[group][0] if group in places(suite) else ""
        lines.append({"code": code, "name": group_name(suite, group), "cells": line})
    kind = named(KINDS, rows[0].group_kind) if rows else None
    return {"kind": kind, "heads": [metric_name(metric) for _, metric in metrics], "lines": lines}
