"""The report of one run: one HTML file; see `anjian.reports.page`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from anjian.files import replace
from anjian.judges.builtin import DEFAULT
from anjian.names import Name
from anjian.reports.cards import card_lines, corrected_text
from anjian.reports.entries import RunPage, read_run
from anjian.reports.figures import all_figures
from anjian.reports.marks import COLOURS
from anjian.reports.names import Lexicon, key_of
from anjian.reports.page import render_page
from anjian.reports.published import load_published, published_names
from anjian.reports.text import interval_text, number
from anjian.reports.words import KINDS, ROLES, SHAPES, named, reason
from anjian.runs.folder import REPORT
from anjian.runs.money.spending import Spent, amount, money
from anjian.runs.reading import conditions_of
from anjian.scores.measures import THINKING
from anjian.scores.rows import Row
from anjian.suites.base import BUNDLED, Suite

ENOUGH = 0.95
"""Coverage below this is flagged."""


OFFICIAL = "official release"
"""How the origin of items begins that come from a benchmark's makers."""


def write_report(folder: Path, suite: Suite | None = None) -> Path:
    """Writes `report.html` into the folder of a finished run and returns its path.

    Args:
        folder: The run folder.
        suite: What was run; by default whatever has the name that `run.toml` holds.

    Raises:
        UsageError: The folder does not hold a finished run.
        AnjianError: The file cannot be written.
    """
    path = folder / REPORT
    replace(path, render_report(read_run(folder, suite)).encode())
    return path


def render_report(run: RunPage) -> str:
    """Renders the page."""
    figures = all_figures(run)
    data = {"figures": figures, "names": _names(run), "entries": run.entries}
    context = _context(run) | {
        "shares": len(figures["labels"]),
        "contrasts": len(figures["contrasts"]),
        "charts": len(figures["published"]),
    }
    return render_page("report.html.j2", context, data, ["charts.js", "report.js"], ["report.css"])


def _names(run: RunPage) -> dict[str, Any]:
    """What the page's script calls tasks, labels, shapes and reasons."""
    tasks = dict.fromkeys([*(row.task for row in run.rows), *(entry.task for entry in run.entries)])
    kinds = {task: run.lexicon.kind(run.suite, task) for task in tasks}
    return {
        "tasks": {task: str(run.lexicon.task(run.suite, task)) for task in tasks},
        "labels": {
            task: {label.text: str(run.lexicon.label(run.suite, task, label.text)) for label in kind.labels}
            for task, kind in kinds.items()
            if kind
        },
        "shapes": {key: str(name) for key, name in SHAPES.items()},
        "reasons": {key: str(reason(key)) for _, key in run.counts.reasons},
    }


def _context(run: RunPage) -> dict[str, Any]:
    about, counts, lexicon, suite = run.about, run.counts, run.lexicon, run.suite
    rows = [row for row in run.rows if not row.metric.startswith(THINKING)]
    origin, judge = str(about.items.get("origin", "")), str(about.run.get("judge", ""))
    shown = "自带题库 bundled bank" if origin == BUNDLED else origin
    beside = load_published(suite).beside if suite in published_names() else None
    official = origin.startswith(OFFICIAL)
    return {
        "about": about,
        "suite": lexicon.suite(suite),
        "coverage": counts.scored / counts.n if counts.n else 0.0,
        "enough": ENOUGH,
        "counts": counts,
        "rules": DEFAULT if DEFAULT in judge.split("+") else "",
        "judge_cards": card_lines(about.run.get("judge_cards")),
        "prompts": conditions_of(about).get("judge_prompt", ""),
        "cards": _cards([row for row in rows if row.group_kind == "overall"], lexicon),
        "areas": _table([row for row in rows if row.group_kind in ("area", "ability")], lexicon),
        "categories": _table([row for row in rows if row.group_kind in ("category", "dimension")], lexicon),
        "absent": _absent(run),
        "origin": shown,
        "official": official,
        "beside": beside.about(official, shown, judge) if beside else None,
        "hint": beside.hint if beside else None,
        "tasks": [(task, lexicon.task(suite, task)) for task in _asked(run)],
        "shapes": [(named(SHAPES, shape), shape) for shape in SHAPES],
        "reasons": [(lexicon.task(suite, task), reason(key), n) for (task, key), n in counts.reasons.most_common()],
        "spent": _spent(about.spent),
        "cost": _cost(about.spent),
        "left_out": counts.n - len(run.entries),
    }


def _spent(table: dict[str, Any]) -> list[tuple[Name, Spent, str]]:
    """What everybody used: the role, the counts and the cost in words; nothing where the table is broken."""
    try:
        lines = msgspec.convert(list(table.values()), list[Spent])
    except msgspec.ValidationError:
        return []
    return [(_role(one.role), one, "" if one.cost is None else amount(one.cost)) for one in lines]


def _role(role: str) -> Name:
    names = [named(ROLES, part) for part in role.split("+")]
    return Name("、".join(name.zh or name.en for name in names), " + ".join(name.en for name in names))


def _cost(table: dict[str, Any]) -> str:
    """The costs by currency."""
    sums: dict[str, float] = {}
    for _, one, cost in _spent(table):
        if cost:
            sums[one.currency] = sums.get(one.currency, 0.0) + (one.cost or 0.0)
    return money(sums)


def _asked(run: RunPage) -> list[str]:
    """The tasks with replies of their own, as they are shown."""
    suite = run.lexicon.declared(run.suite)
    drawn = {task.name for task in suite.tasks if task.draws} if suite else set()
    return [task for task in dict.fromkeys(row.task for row in run.rows) if task not in drawn]


def _absent(run: RunPage) -> list[Name]:
    """The tasks that compare answers with a key and were not asked, while others were."""
    suite, asked = run.lexicon.declared(run.suite), _asked(run)
    if suite is None or not asked:
        return []
    return [
        run.lexicon.task(run.suite, task.name)
        for task in suite.tasks
        if task.name not in asked and run.lexicon.compares(run.suite, task.name)
    ]


def _cards(rows: Sequence[Row], lexicon: Lexicon) -> list[dict[str, Any]]:
    factors = lexicon.factors(rows)
    return [_card(row, factors[key_of(row)], lexicon) for row in rows]


def _card(row: Row, factor: float, lexicon: Lexicon) -> dict[str, Any]:
    measure = lexicon.measure(row)
    return {
        "metric": row.metric,
        "tone": measure.tone if measure and measure.tone in COLOURS else "",
        "name": lexicon.metric(row),
        "meaning": measure.meaning if measure else None,
        "value": number(row.value, factor),
        "unit": "%" if factor == 100 and row.value is not None else "",
        "span": interval_text(row.low, row.high, factor),
        "corrected": corrected_text(row, factor),
        "marks": [round((part or 0) * factor, 2) for part in (row.low, row.value, row.high)],
        "on_scale": row.low is not None and lexicon.fits_100(row),
        "row": row,
    }


def _table(rows: Sequence[Row], lexicon: Lexicon) -> dict[str, Any]:
    """Groups down, metrics across; a cell holds value, interval, scored and n."""
    heads = {key_of(row): lexicon.metric(row) for row in rows}
    factor, cells = lexicon.factors(rows), {(row.group, row.task, row.metric): row for row in rows}
    lines = []
    for group in dict.fromkeys(row.group for row in rows):
        suite = rows[0].suite
        found = [cells.get((group, task, metric)) for task, metric in heads]
        line = [
            (number(row.value, factor[key_of(row)]), interval_text(row.low, row.high, factor[key_of(row)], 1), row)
            if row
            else None
            for row in found
        ]
        lines.append({"code": lexicon.code(suite, group), "name": lexicon.group(suite, group), "cells": line})
    kind = named(KINDS, rows[0].group_kind) if rows else None
    return {"kind": kind, "heads": list(heads.values()), "lines": lines}
