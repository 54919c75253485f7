"""A comparison as one HTML file: verdict, scores, changes with their figures, and the items that flipped."""

from collections.abc import Sequence
from typing import Any

from anjian import __version__
from anjian.reports.cards import card_lines
from anjian.reports.comparison.figures import forest
from anjian.reports.comparison.flips import Stories, listed
from anjian.reports.comparison.table import Column, change_span, column_name, interval_of, sheets, signed, value_of
from anjian.reports.comparison.trade import axes_of, trade_off
from anjian.reports.comparison.words import (
    OUTCOMES,
    TESTS,
    WAYS,
    Guards,
    demands,
    guards_of,
    judges_of,
    legend,
    mark,
    meaning,
    noted,
    said_once,
    told,
    way_of,
)
from anjian.reports.names import Lexicon
from anjian.reports.page import render_page
from anjian.reports.text import number
from anjian.scores.comparison import Contrast, SideBySide
from anjian.scores.gates import worded_p
from anjian.scores.paired import Change
from anjian.text import visible

ENOUGH = 0.95
"""Coverage below this is flagged."""


def render_comparison(comparison: SideBySide, stories: Stories, lexicon: Lexicon) -> str:
    """Renders the page."""
    scripts, styles = ["charts.js", "comparison.js"], ["report.css", "comparison.css"]
    context, data = _context(comparison, lexicon), _data(comparison, stories, lexicon)
    return render_page("comparison.html.j2", context, data, scripts, styles)


def _data(comparison: SideBySide, stories: Stories, lexicon: Lexicon) -> dict[str, Any]:
    """What the page's scripts work on: figures, the ids that flipped, and what was said, once for each model."""
    alone = [line.model for line in comparison.lines]
    texts: dict[str, dict[str, dict[str, Any]]] = {}
    for (model, suite, item), said in stories.items():
        texts.setdefault(suite, {}).setdefault(visible(item), {})[str(alone.index(model))] = said
    flips = [
        {
            "ends": [str(alone.index(contrast.before)), str(alone.index(contrast.after))],
            "changes": [_listed(change) for change in contrast.changes],
        }
        for contrast in comparison.contrasts
    ]
    forests = (forest(one, comparison.criteria, lexicon) for one in comparison.contrasts)
    figures = {f"forest-{place}": figure for place, figure in enumerate(forests)}
    names = [visible(model) for model in alone]
    figures["trade-off"] = trade_off(comparison, lexicon)
    return {"figures": figures, "flips": flips, "texts": texts, "models": names}


def _listed(change: Change) -> dict[str, Any]:
    better, worse = ([visible(item) for item in items] for items in listed(change))
    return {"suite": change.metric.suite, "better": better, "worse": worse}


def _context(comparison: SideBySide, lexicon: Lexicon) -> dict[str, Any]:
    judges, guards = judges_of(comparison), guards_of(comparison, lexicon)
    axes = axes_of(comparison, lexicon)
    last = comparison.contrasts.index(comparison.last)
    contrasts = [_contrast(comparison, place, guards, lexicon) for place in range(len(comparison.contrasts))]
    return {
        "models": [line.model for line in comparison.lines],
        "sheets": [
            {"name": sheet.name, "columns": sheet.columns, "lines": _lines(comparison, sheet.columns)}
            for sheet in sheets(comparison, lexicon)
        ],
        "traded": [lexicon.metric(comparison.metrics[axis]) for axis in axes or ()],
        "contrasts": contrasts,
        "last": contrasts[last],
        "judges": judges,
        "prompts": comparison.prompts,
        "judge_cards": card_lines(comparison.cards),
        "notes": [noted(note, lexicon) for note in said_once(comparison)],
        "legend": legend(comparison.criteria),
        "demands": demands(comparison.criteria, guards),
        "criteria": comparison.criteria,
        "enough": ENOUGH,
        "version": __version__,
    }


def _lines(comparison: SideBySide, columns: Sequence[Column]) -> list[dict[str, Any]]:
    return [
        {
            "model": line.model,
            "cells": [
                {
                    "row": row,
                    "value": value_of(row, column.factor),
                    "span": interval_of(row, column.factor),
                    "best": place in column.best,
                }
                for column in columns
                for row in [column.cells[place]]
            ],
        }
        for place, line in enumerate(comparison.lines)
    ]


def _contrast(comparison: SideBySide, place: int, guards: Guards, lexicon: Lexicon) -> dict[str, Any]:
    contrast: Contrast = comparison.contrasts[place]
    decision = contrast.decision
    return {
        "place": place,
        "before": contrast.before,
        "after": contrast.after,
        "tone": decision.outcome.replace(" ", "-"),
        "outcome": OUTCOMES[decision.outcome],
        "meaning": meaning(decision.outcome, guards),
        "exit_code": decision.exit_code,
        "reasons": [told(reason, contrast, comparison.criteria, lexicon) for reason in decision.reasons],
        "changes": [
            {"place": at} | _change(change, comparison.criteria.alpha, lexicon)
            for at, change in enumerate(contrast.changes)
        ],
    }


def _change(change: Change, alpha: float, lexicon: Lexicon) -> dict[str, Any]:
    metric, way = change.metric, way_of(change, alpha)
    better, worse = listed(change)
    return {
        "suite": lexicon.suite(metric.suite),
        "name": column_name(metric, lexicon),
        "arrow": "↑" if metric.higher else "↓",
        "guard": metric.role == "guard",
        "n": change.n,
        "missing": change.missing,
        "replies": change.replies,
        "before": number(change.before, metric.points),
        "after": number(change.after, metric.points),
        "change": signed(change.change, metric),
        "span": change_span(change),
        "p": worded_p(change.p_holm) if change.p_holm is not None else "",
        "mark": mark(change, alpha),
        "test": TESTS[change.test],
        "way": way,
        "sign": WAYS[way][0],
        "word": WAYS[way][1],
        "better": len(change.improved),
        "worse": len(change.worsened),
        "unlisted": len(change.improved) + len(change.worsened) - len(better) - len(worse),
    }
