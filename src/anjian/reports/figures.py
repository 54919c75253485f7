"""The charts of the report, as specifications for plotly.js; see `anjian.reports.marks`.

Colours that depend on the light or dark scheme are set in `templates/charts.js`.
"""

from collections.abc import Sequence
from typing import Any

from anjian.reports.entries import Run, area_of
from anjian.reports.marks import Figure, colour, fill, hover, marks, narrow, quoted, scale, tick, ticks, wrapped
from anjian.reports.names import KINDS, THINKING, factors, group_name, is_plain, metric_name
from anjian.reports.published import load_published
from anjian.reports.shares import label_shares
from anjian.scores.rows import Row

AREAS, CATEGORIES, CONTRASTS = ("area", "ability"), ("category", "dimension"), ("history", "round")
PUBLISHED = {
    "chisafety": {"refusal": {"rr1": "rr1", "rr2": "rr2", "hr": "hr"}, "mcq": {"acc_o": "overall_recomputed"}},
    "sc_safety": {"score": {"score": "total"}},
}
"""Suite to published table to our metric and its column there."""
_BAND = {"type": "rect", "xref": "paper", "x0": 0, "x1": 1, "y0": -0.5, "y1": 0.5, "layer": "below"}
"""The line of this run among the published ones."""


def all_figures(run: Run) -> dict[str, Any]:
    """Every chart of the report by its place in the page; None or empty where there is nothing to show."""
    rows = [row for row in run.rows if not row.metric.startswith(THINKING)]
    suite, epochs = str(run.about.run.get("suite", "")), int(run.about.run.get("epochs", 1))
    return {
        "labels": label_shares(run, suite, epochs),
        "radar": radar(rows),
        "categories": category_bars(rows),
        "contrasts": contrasts(rows),
        "published": published_charts(rows),
    }


def _within_100(row: Row) -> bool:
    """True for shares and scores, which a scale from 0 to 100 suits."""
    return row.value is not None and (row.metric == "score" or not is_plain(row.metric))


def radar(rows: Sequence[Row]) -> Figure | None:
    """One line for each metric around the areas; metrics with fewer than three areas show as points."""
    mine = [row for row in rows if row.group_kind in AREAS and _within_100(row)]
    if not mine:
        return None
    factor, groups = factors(rows), list(dict.fromkeys(row.group for row in mine))
    metrics = enumerate(dict.fromkeys(row.metric for row in mine))
    data = [_spokes([row for row in mine if row.metric == metric], factor, place) for place, metric in metrics]
    names = [wrapped(group_name(mine[0].suite, group).zh or group, 6) for group in groups]
    axis = {"tickmode": "array", "tickvals": groups, "ticktext": names, "direction": "clockwise", "rotation": 90}
    axis |= {"categoryorder": "array", "categoryarray": groups}
    between = 90 - 180 / len(groups)
    radial = {"range": [0, 100], "tickvals": [25, 50, 75, 100], "angle": between, "tickangle": between}
    layout = {"polar": {"radialaxis": radial, "angularaxis": axis}, "height": 460}
    layout |= {"margin": {"l": 76, "r": 88, "t": 36, "b": 84}}
    return {"data": data, "layout": layout, "narrow": {"margin.l": 76, "margin.r": 76, "margin.b": 130, "height": 420}}


def _spokes(rows: Sequence[Row], factor: dict[str, float], place: int) -> Figure:
    closed = [*rows, rows[0]] if len(rows) > 2 else rows
    return {
        "type": "scatterpolar",
        "mode": "lines+markers" if len(rows) > 2 else "markers",
        "name": quoted(str(metric_name(rows[0].metric))),
        "r": [(row.value or 0) * factor[row.metric] for row in closed],
        "theta": [row.group for row in closed],
        "hovertext": [hover(row, factor[row.metric]) for row in closed],
        "hoverinfo": "text",
        "line": {"color": colour(rows[0].metric, place), "width": 2},
        "marker": {"size": 7},
    }


def category_bars(rows: Sequence[Row]) -> list[Figure]:
    """One chart for each metric: bars by category, coloured by area, with intervals; to be chosen by `title`."""
    mine = [row for row in rows if row.group_kind in CATEGORIES]
    factor = factors(rows)
    charts = []
    for metric in dict.fromkeys(row.metric for row in mine):
        chart = _bars([row for row in mine if row.metric == metric], factor)
        charts.append(chart | {"name": metric, "title": str(metric_name(metric))})
    return charts


def _bars(rows: Sequence[Row], factor: dict[str, float]) -> Figure:
    suite = rows[0].suite
    areas = list(dict.fromkeys(area_of(suite, row.group) for row in rows))
    data = []
    for place, area in enumerate(areas):
        found = [row for row in rows if area_of(suite, row.group) == area]
        trace = {"type": "bar", "orientation": "h", "name": quoted(area) or "–", "marker": fill(place)}
        data.append(trace | marks(found, factor, "x") | {"y": [row.group for row in found]})
    groups = [row.group for row in rows]
    names = [tick(suite, group) for group in groups]
    layout = {"barmode": "overlay", "bargap": 0.35, "height": 110 + 28 * len(groups)}
    layout |= {"xaxis": scale({"": factor[rows[0].metric]}), "yaxis": ticks(groups, names, 20)}
    layout |= {"showlegend": len(areas) > 1}
    return {"data": data, "layout": layout, "narrow": narrow(names, 9, showlegend=False)}


def contrasts(rows: Sequence[Row]) -> list[Figure]:
    """Bars side by side: without and with history, or round after round; `title` names the kind."""
    charts = []
    for kind in CONTRASTS:
        mine = [row for row in rows if row.group_kind == kind and _within_100(row)]
        groups = list(dict.fromkeys(row.group for row in mine))
        if len(groups) < 2:
            continue
        data, factor = [], factors(mine)
        for place, group in enumerate(groups):
            found = [row for row in mine if row.group == group]
            trace: Figure = {"type": "bar", "x": [str(metric_name(row.metric)) for row in found]}
            trace |= {"name": quoted(str(group_name(found[0].suite, group))), "marker": fill(2 * place)}
            data.append(trace | marks(found, factor, "y"))
        layout = {"barmode": "group", "bargap": 0.4, "bargroupgap": 0.08, "height": 360}
        layout |= {"yaxis": scale(factor), "xaxis": {"showgrid": False}}
        charts.append({"data": data, "layout": layout, "title": str(KINDS[kind])})
    return charts


def published_charts(rows: Sequence[Row]) -> list[Figure]:
    """Dots: this run in the first line, the published models below; one chart for each published table."""
    overall = {row.metric: row for row in rows if row.group_kind == "overall" and row.value is not None}
    suite = rows[0].suite if rows else ""
    charts = []
    for sheet_name, columns in PUBLISHED.get(suite, {}).items():
        mine = {column: overall[metric] for metric, column in columns.items() if metric in overall}
        if mine:
            sheet = load_published(suite)[sheet_name]
            charts.append(_dots(mine, sheet.values) | {"title": f"{sheet.title} · {sheet.source}"})
    return charts


def _dots(mine: dict[str, Row], values: dict[str, dict[str, float]]) -> Figure:
    """Takes this run's row for each published column."""
    models, factor = list(values), factors(mine.values())
    data = []
    for column, row in mine.items():
        name = str(metric_name(row.metric))
        figures = {model: values[model][column] for model in models}
        texts = [f"{model}<br>{name} {figure:.2f}（公开结果 published）" for model, figure in figures.items()]
        marker: Figure = {"color": colour(row.metric), "size": 9, "line": {"width": 0}}
        if row.metric == "rr2":  # Published RR-2 nearly equals RR-1: a ring around the dot shows both.
            marker |= {"symbol": "circle-open", "size": 13, "line": {"width": 2}}
        common: Figure = {"type": "scatter", "mode": "markers", "hoverinfo": "text", "name": name, "cliponaxis": False}
        common |= {"legendgroup": column}
        data.append(common | {"x": list(figures.values()), "y": models, "hovertext": texts, "marker": marker})
        marker = marker | {"size": 13, "symbol": "diamond", "line": {"width": 0}}
        data.append(common | marks([row], factor, "x") | {"y": [""], "showlegend": False, "marker": marker})
    names = ["本次 this run", *models]
    axis: Figure = ticks(["", *models], names, 24) | {"autorange": False, "range": [len(models) + 0.6, -0.6]}
    layout = {"height": 110 + 30 * len(names), "yaxis": axis, "xaxis": scale(factor)}
    layout |= {"shapes": [_BAND | {"line": {"width": 0}}]}
    return {"data": data, "layout": layout, "narrow": narrow(names, 20)}
