"""The charts of the report, as specifications for plotly.js; see `anjian.reports.marks`.

Colours that depend on the light or dark scheme are set in `templates/charts.js`.
"""

from collections.abc import Sequence
from typing import Any

from anjian.reports.entries import RunPage
from anjian.reports.marks import Figure, colour, fill, hover, marks, narrow, quoted, scale, tick, ticks, wrapped
from anjian.reports.names import Key, Lexicon, key_of
from anjian.reports.published import Sheet, load_published, published_names
from anjian.reports.shares import label_shares
from anjian.reports.words import KINDS
from anjian.scores.measures import THINKING
from anjian.scores.rows import Row

AREAS, CATEGORIES, CONTRASTS = ("area", "ability"), ("category", "dimension"), ("history", "round")
_BAND = {"type": "rect", "xref": "paper", "x0": 0, "x1": 1, "y0": -0.5, "y1": 0.5, "layer": "below"}
"""The line of this run among the published ones."""


def all_figures(run: RunPage) -> dict[str, Any]:
    """Every chart of the report by its place in the page; None or empty where there is nothing to show."""
    rows, lexicon = [row for row in run.rows if not row.metric.startswith(THINKING)], run.lexicon
    return {
        "labels": label_shares(run, int(run.about.run.get("epochs", 1))),
        "radar": radar(rows, lexicon),
        "categories": category_bars(rows, lexicon),
        "contrasts": contrasts(rows, lexicon),
        "published": published_charts(rows, lexicon),
    }


def radar(rows: Sequence[Row], lexicon: Lexicon) -> Figure | None:
    """One line for each metric around the areas; metrics with fewer than three areas show as points."""
    mine = [row for row in rows if row.group_kind in AREAS and lexicon.fits_100(row)]
    if not mine:
        return None
    factor, groups = lexicon.factors(rows), list(dict.fromkeys(row.group for row in mine))
    metrics = enumerate(_by_metric(mine).values())
    data = [_spokes(found, factor, lexicon, place) for place, found in metrics]
    named = (lexicon.group(mine[0].suite, group) for group in groups)
    names = [wrapped(name.zh, 6) if name.zh else wrapped(name.en, 12) for name in named]
    axis = {"tickmode": "array", "tickvals": groups, "ticktext": names, "direction": "clockwise", "rotation": 90}
    axis |= {"type": "category", "categoryorder": "array", "categoryarray": groups}
    between = 90 - 180 / len(groups)
    radial = {"range": [0, 100], "tickvals": [25, 50, 75, 100], "angle": between, "tickangle": between}
    layout = {"polar": {"radialaxis": radial, "angularaxis": axis}, "height": 460}
    layout |= {"margin": {"l": 76, "r": 88, "t": 36, "b": 84}}
    return {"data": data, "layout": layout, "narrow": {"margin.l": 76, "margin.r": 76, "margin.b": 130, "height": 420}}


def _by_metric(rows: Sequence[Row]) -> dict[Key, list[Row]]:
    found: dict[Key, list[Row]] = {}
    for row in rows:
        found.setdefault(key_of(row), []).append(row)
    return found


def _spokes(rows: Sequence[Row], factor: dict[Key, float], lexicon: Lexicon, place: int) -> Figure:
    closed, times = [*rows, rows[0]] if len(rows) > 2 else rows, factor[key_of(rows[0])]
    return {
        "type": "scatterpolar",
        "mode": "lines+markers" if len(rows) > 2 else "markers",
        "name": quoted(str(lexicon.metric(rows[0]))),
        "r": [(row.value or 0) * times for row in closed],
        "theta": [row.group for row in closed],
        "hovertext": [hover(lexicon, row, times) for row in closed],
        "hoverinfo": "text",
        "line": {"color": colour(lexicon, rows[0], place), "width": 2},
        "marker": {"size": 7},
    }


def category_bars(rows: Sequence[Row], lexicon: Lexicon) -> list[Figure]:
    """One chart for each metric: bars by category, coloured by area, with intervals; to be chosen by `title`."""
    factor = lexicon.factors(rows)
    found = _by_metric([row for row in rows if row.group_kind in CATEGORIES])
    return [
        _bars(mine, factor, lexicon) | {"name": "/".join(key), "title": str(lexicon.metric(mine[0]))}
        for key, mine in found.items()
    ]


def _bars(rows: Sequence[Row], factor: dict[Key, float], lexicon: Lexicon) -> Figure:
    suite = rows[0].suite
    areas = list(dict.fromkeys(lexicon.area(suite, row.group) for row in rows))
    data = []
    for place, area in enumerate(areas):
        found = [row for row in rows if lexicon.area(suite, row.group) == area]
        trace = {"type": "bar", "orientation": "h", "name": quoted(area) or "–", "marker": fill(place)}
        data.append(trace | marks(lexicon, found, factor, "x") | {"y": [row.group for row in found]})
    groups = [row.group for row in rows]
    names = [tick(lexicon, suite, group) for group in groups]
    layout = {"barmode": "overlay", "bargap": 0.35, "height": 110 + 28 * len(groups)}
    layout |= {"xaxis": scale({key_of(rows[0]): factor[key_of(rows[0])]}), "yaxis": ticks(groups, names, 20)}
    layout |= {"showlegend": len(areas) > 1}
    return {"data": data, "layout": layout, "narrow": narrow(names, 9, showlegend=False)}


def contrasts(rows: Sequence[Row], lexicon: Lexicon) -> list[Figure]:
    """Bars side by side: without and with history, or round after round; `title` names the kind."""
    charts = []
    for kind in CONTRASTS:
        mine = [row for row in rows if row.group_kind == kind and lexicon.fits_100(row)]
        groups = list(dict.fromkeys(row.group for row in mine))
        if len(groups) < 2:
            continue
        data, factor = [], lexicon.factors(mine)
        for place, group in enumerate(groups):
            found = [row for row in mine if row.group == group]
            trace: Figure = {"type": "bar", "x": [quoted(str(lexicon.metric(row))) for row in found]}
            trace |= {"name": quoted(str(lexicon.group(found[0].suite, group))), "marker": fill(2 * place)}
            data.append(trace | marks(lexicon, found, factor, "y"))
        layout = {"barmode": "group", "bargap": 0.4, "bargroupgap": 0.08, "height": 360}
        layout |= {"yaxis": scale(factor), "xaxis": {"showgrid": False, "type": "category"}}
        charts.append({"data": data, "layout": layout, "title": str(KINDS[kind])})
    return charts


def published_charts(rows: Sequence[Row], lexicon: Lexicon) -> list[Figure]:
    """Dots: this run in the first line, the published models below; one chart for each published table."""
    overall = {row.metric: row for row in rows if row.group_kind == "overall" and row.value is not None}
    suite = lexicon.declared(rows[0].suite) if rows else None
    charts = []
    for one in suite.published if suite and suite.name in published_names() else ():
        mine = {column: overall[metric] for metric, column in one.columns.items() if metric in overall}
        if mine:
            sheet = load_published(rows[0].suite).sheets[one.sheet]
            charts.append(_dots(mine, sheet, lexicon) | {"title": f"{sheet.title} · {sheet.source}"})
    return charts


def _dots(mine: dict[str, Row], sheet: Sheet, lexicon: Lexicon) -> Figure:
    """Takes this run's row for each published column."""
    models, factor = list(sheet.values), lexicon.factors(mine.values())
    data = []
    for place, (column, row) in enumerate(mine.items()):
        name = quoted(str(lexicon.metric(row)))
        figures = {model: sheet.values[model][column] for model in models}
        texts = [f"{model}<br>{name} {figure:.2f}（公开结果 published）" for model, figure in figures.items()]
        marker: Figure = {"color": colour(lexicon, row, place), "size": 9, "line": {"width": 0}}
        if any(sheet.alike(column, earlier) for earlier in list(mine)[:place]):
            marker |= {"symbol": "circle-open", "size": 13, "line": {"width": 2}}
        common: Figure = {"type": "scatter", "mode": "markers", "hoverinfo": "text", "name": name, "cliponaxis": False}
        common |= {"legendgroup": column}
        data.append(common | {"x": list(figures.values()), "y": models, "hovertext": texts, "marker": marker})
        marker = marker | {"size": 13, "symbol": "diamond", "line": {"width": 0}}
        data.append(common | marks(lexicon, [row], factor, "x") | {"y": [""], "showlegend": False, "marker": marker})
    names = ["本次 this run", *models]
    axis: Figure = ticks(["", *models], names, 24) | {"autorange": False, "range": [len(models) + 0.6, -0.6]}
    layout = {"height": 110 + 30 * len(names), "yaxis": axis, "xaxis": scale(factor)}
    layout |= {"shapes": [_BAND | {"line": {"width": 0}}]}
    return {"data": data, "layout": layout, "narrow": narrow(names, 20)}
