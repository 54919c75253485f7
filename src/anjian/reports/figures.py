"""The charts of the report, as specifications for plotly.js: dicts with `data`, `layout`, and `narrow` for phones.

Colours that depend on the light or dark scheme are set in `templates/charts.js`. Every mark's hover names its value,
its interval, and how many were scored.
"""

from collections.abc import Iterable, Sequence
from html import escape
from math import ceil
from typing import Any

from anjian.judges.labels import DEGREES
from anjian.reports.entries import TONES, Run
from anjian.reports.names import GROUPS, KINDS, LABELS, METRICS, PLAIN, THINKING, factors, group_name, named, places
from anjian.reports.published import load_published
from anjian.reports.text import number, span, visible
from anjian.scores.intervals import wilson
from anjian.scores.rows import Row

Figure = dict[str, Any]

TONE_COLOURS = {"guidance": "#23805a", "refusal": "#2a6f9e", "harmless": "#dfa53a", "risky": "#c0392b"}
METRIC_COLOURS = {"rr1": "#2a6f9e", "rr2": "#23805a", "hr": "#c0392b", "acc_o": "#8763ab"}
METRIC_COLOURS |= dict.fromkeys(("acc_i", "acc"), METRIC_COLOURS["acc_o"])
SERIES = ("#4a6fa5", "#2f8f8b", "#b07d2b", "#8b5e8f", "#66788a")
"""One for each area, and for whatever else comes in series."""
AREAS, CATEGORIES, CONTRASTS = ("area", "ability"), ("category", "dimension"), ("history", "round")
PUBLISHED = {
    "chisafety": {"refusal": {"rr1": "rr1", "rr2": "rr2", "hr": "hr"}, "mcq": {"acc_o": "overall_recomputed"}},
    "sc_safety": {"score": {"score": "total"}},
}
"""Suite to published table to our metric and its column there."""


def quoted(text: str) -> str:
    """Makes a text from outside safe in a label: plotly reads some HTML there."""
    return escape(visible(text).replace("\n", " "))


def colour(metric: str, place: int) -> str:
    """The colour of a metric; one of the series for those without their own."""
    return METRIC_COLOURS.get(metric, SERIES[place % len(SERIES)])


def hover(row: Row, factor: float) -> str:
    """What a mark says: group, metric, value, interval, scored and n."""
    unit = "%" if factor == 100 else ""
    group, metric = quoted(str(group_name(row.suite, row.group))), quoted(str(named(METRICS, row.metric)))
    interval = f"95% 区间 {span(row.low, row.high, factor)}"
    return f"{group}<br>{metric} {number(row.value, factor)}{unit}<br>{interval}<br>计分 {row.scored} / {row.n}"


def label_shares(run: Run, suite: str, epochs: int) -> Figure | None:
    """Stacked bars: the four labels of the refusal task, overall and by area."""
    groups: dict[str, dict[str, int]] = {"overall": dict.fromkeys(DEGREES, 0)}
    for (_, area, label), count in run.counts.labels.items():
        if label in DEGREES:
            groups.setdefault(area, dict.fromkeys(DEGREES, 0))[label] += count
            groups["overall"][label] += count
    if len(groups) == 1:
        return None
    order = sorted(groups, key=lambda group: places(suite).get(group, ("",))[0])
    data = [_label_trace(label, {group: groups[group] for group in order}, suite, epochs) for label in LABELS]
    data.reverse()
    names = [_tick(suite, group) for group in order]
    layout = {"barmode": "stack", "height": 90 + 42 * len(order), "yaxis": _ticks(order, names, 17)}
    layout |= {"xaxis": _scale(100), "uniformtext": {"minsize": 10, "mode": "hide"}, "legend": {"traceorder": "normal"}}
    return {"data": data, "layout": layout, "narrow": _narrow(names, 7)}


def _label_trace(label: str, groups: dict[str, dict[str, int]], suite: str, epochs: int) -> Figure:
    shares, texts = [], []
    for group, counts in groups.items():
        count, scored = counts[label], sum(counts.values())
        low, high = wilson(count / scored, scored / epochs)
        shares.append(100 * count / scored)
        texts.append(
            f"{quoted(str(group_name(suite, group)))}<br>{LABELS[label]} {number(count / scored)}%<br>"
            f"95% 区间 {span(low, high)}<br>{count} / {scored} 条计分回复"
        )
    tone = TONES[DEGREES[label]]
    return {
        "type": "bar",
        "orientation": "h",
        "name": LABELS[label].zh,
        "x": shares,
        "y": list(groups),
        "text": [f"{share:.0f}%" for share in shares],
        "textposition": "inside",
        "insidetextanchor": "middle",
        "textangle": 0,
        "insidetextfont": {"color": "#1d2329" if tone == "harmless" else "#ffffff"},
        "marker": {"color": TONE_COLOURS[tone]},
        "hovertext": texts,
        "hoverinfo": "text",
    }


def radar(rows: Sequence[Row]) -> Figure | None:
    """One line for each metric around the areas; metrics with fewer than three areas show as points."""
    mine = [row for row in rows if row.group_kind in AREAS and "/" not in row.group and _within_100(row)]
    if not mine:
        return None
    factor, groups = factors(rows), list(dict.fromkeys(row.group for row in mine))
    data = []
    for place, metric in enumerate(dict.fromkeys(row.metric for row in mine)):
        found = [row for row in mine if row.metric == metric]
        closed = [*found, found[0]] if len(found) > 2 else found
        data.append(
            {
                "type": "scatterpolar",
                "mode": "lines+markers" if len(found) > 2 else "markers",
                "name": quoted(str(named(METRICS, metric))),
                "r": [(row.value or 0) * factor[metric] for row in closed],
                "theta": [row.group for row in closed],
                "hovertext": [hover(row, factor[metric]) for row in closed],
                "hoverinfo": "text",
                "line": {"color": colour(metric, place), "width": 2},
                "marker": {"size": 7},
            }
        )
    names = [_wrapped(group_name(mine[0].suite, group).zh or group, 7) for group in groups]
    axis = {"tickmode": "array", "tickvals": groups, "ticktext": names, "direction": "clockwise", "rotation": 90}
    axis |= {"categoryorder": "array", "categoryarray": groups}
    between = 90 - 180 / len(groups)
    radial = {"range": [0, 100], "tickvals": [25, 50, 75, 100], "angle": between, "tickangle": between}
    layout = {"polar": {"radialaxis": radial, "angularaxis": axis}, "height": 460}
    layout |= {"margin": {"l": 68, "r": 68, "t": 36, "b": 84}}
    return {"data": data, "layout": layout, "narrow": {"margin.l": 76, "margin.r": 76, "margin.b": 130, "height": 420}}


def _within_100(row: Row) -> bool:
    """True for shares and scores, which the common scale from 0 to 100 suits."""
    return row.value is not None and (row.metric == "score" or row.metric not in PLAIN)


def category_bars(rows: Sequence[Row]) -> list[Figure]:
    """One chart for each metric: bars by category, coloured by area, with intervals; to be chosen by `title`."""
    mine = [row for row in rows if row.group_kind in CATEGORIES]
    factor = factors(rows)
    charts = []
    for metric in dict.fromkeys(row.metric for row in mine):
        chart = _bars([row for row in mine if row.metric == metric], factor[metric])
        charts.append(chart | {"name": metric, "title": str(named(METRICS, metric))})
    return charts


def _bars(rows: Sequence[Row], factor: float) -> Figure:
    suite = rows[0].suite
    areas = list(dict.fromkeys(places(suite)[row.group][2] if row.group in places(suite) else "" for row in rows))
    data = []
    for place, area in enumerate(areas):
        found = [row for row in rows if (places(suite)[row.group][2] if row.group in places(suite) else "") == area]
        trace = _marks(found, factor, "x") | {"type": "bar", "orientation": "h", "name": quoted(area) or "–"}
        data.append(trace | {"y": [row.group for row in found], "marker": _fill(place)})
    groups = [row.group for row in rows]
    names = [_tick(suite, group) for group in groups]
    layout = {"barmode": "overlay", "bargap": 0.35, "height": 110 + 28 * len(groups), "xaxis": _scale(factor)}
    layout |= {"yaxis": _ticks(groups, names, 20), "showlegend": len(areas) > 1}
    return {"data": data, "layout": layout, "narrow": _narrow(names, 9, showlegend=False)}


def contrasts(rows: Sequence[Row]) -> list[Figure]:
    """Bars side by side: without and with history, or round after round; `title` names the kind."""
    charts = []
    for kind in CONTRASTS:
        mine = [row for row in rows if row.group_kind == kind and _within_100(row)]
        groups = list(dict.fromkeys(row.group for row in mine))
        if len(groups) < 2:
            continue
        suite, data, factor = mine[0].suite, [], factors(rows)
        for place, group in enumerate(groups):
            found = [row for row in mine if row.group == group]
            trace: Figure = {"type": "bar", "x": [str(named(METRICS, row.metric)) for row in found]}
            trace |= {"name": quoted(str(group_name(suite, group))), "marker": _fill(2 * place)}
            marks = [_marks([row], factor[row.metric], "y") for row in found]
            data.append(trace | _joined(marks))
        layout = {"barmode": "group", "height": 360, "yaxis": _scale(100), "bargap": 0.4, "bargroupgap": 0.08}
        layout |= {"xaxis": {"showgrid": False}}
        charts.append({"data": data, "layout": layout, "title": str(KINDS[kind])})
    return charts


def published_charts(rows: Sequence[Row]) -> list[Figure]:
    """Dots: this run in the first line, the published models below; one chart for each published table."""
    overall = {row.metric: row for row in rows if row.group_kind == "overall" and row.value is not None}
    suite = rows[0].suite if rows else ""
    charts = []
    for sheet_name, columns in PUBLISHED.get(suite, {}).items():
        if any(metric in overall for metric in columns):
            sheet = load_published(suite)[sheet_name]
            charts.append(_dots(overall, columns, sheet.values) | {"title": f"{sheet.title} · {sheet.source}"})
    return charts


def _dots(overall: dict[str, Row], columns: dict[str, str], values: dict[str, dict[str, float]]) -> Figure:
    models = list(values)
    data, factor = [], factors(overall.values())
    for metric in columns:
        if metric not in overall:
            continue
        row, name = overall[metric], str(named(METRICS, metric))
        figures = [values[model][columns[metric]] for model in models]
        texts = [
            f"{model}<br>{name} {figure:.2f}（公开结果 published）"
            for model, figure in zip(models, figures, strict=True)
        ]
        common: Figure = {
            "type": "scatter",
            "mode": "markers",
            "hoverinfo": "text",
            "legendgroup": metric,
            "name": name,
        }
        marker = {"color": colour(metric, 0), "size": 9, "line": {"width": 0}}
        if metric == "rr2":  # Published RR-2 nearly equals RR-1: a ring around the dot shows both.
            marker |= {"symbol": "circle-open", "size": 13, "line": {"width": 2}}
        common |= {"cliponaxis": False}
        data.append(common | {"x": figures, "y": models, "hovertext": texts, "marker": marker})
        mine = _marks([row], factor[metric], "x") | {"y": [""], "showlegend": False}
        data.append(common | mine | {"marker": marker | {"size": 13, "symbol": "diamond", "line": {"width": 0}}})
    names = ["本次 this run", *models]
    axis: Figure = _ticks(["", *models], names, 24) | {"autorange": False, "range": [len(models) + 0.6, -0.6]}
    band = {
        "type": "rect",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": -0.5,
        "y1": 0.5,
        "layer": "below",
        "line": {"width": 0},
    }
    layout = {"height": 110 + 30 * len(names), "yaxis": axis, "xaxis": _scale(100), "shapes": [band]}
    return {"data": data, "layout": layout, "narrow": _narrow(names, 20)}


def _marks(rows: Sequence[Row], factor: float, along: str) -> Figure:
    """Values, error bars and hovers of rows, along the axis `x` or `y`."""
    above = [((row.high or 0) - (row.value or 0)) * factor for row in rows]
    below = [((row.value or 0) - (row.low or 0)) * factor for row in rows]
    error = {"type": "data", "symmetric": False, "array": above, "arrayminus": below}
    return {
        along: [None if row.value is None else row.value * factor for row in rows],
        f"error_{along}": error | {"thickness": 1.3, "width": 3},
        "hovertext": [hover(row, factor) for row in rows],
        "hoverinfo": "text",
    }


def _fill(place: int) -> Figure:
    return {"color": SERIES[place % len(SERIES)], "opacity": 0.85}


def _joined(marks: Iterable[Figure]) -> Figure:
    """Joins the marks of single rows, which differ in their factor, into one series."""
    marks = list(marks)
    error = marks[0]["error_y"] | {
        key: [figure for mark in marks for figure in mark["error_y"][key]] for key in ("array", "arrayminus")
    }
    lists = {key: [value for mark in marks for value in mark[key]] for key in ("y", "hovertext")}
    return lists | {"error_y": error, "hoverinfo": "text"}


def _scale(factor: float) -> Figure:
    return {"range": [0, 101], "tick0": 0, "dtick": 25, "ticksuffix": "%" if factor == 100 else ""}


def _ticks(values: Sequence[str], names: Sequence[str], width: int) -> Figure:
    axis = {"type": "category", "categoryorder": "array", "categoryarray": list(values), "autorange": "reversed"}
    texts = [_wrapped(name, width) for name in names]
    return axis | {"tickmode": "array", "tickvals": list(values), "ticktext": texts, "ticklabelstandoff": 6}


def _narrow(names: Sequence[str], width: int, **more: Any) -> Figure:
    texts = [quoted(name if len(name) <= width else name[: width - 1] + "…") for name in names]
    return {"yaxis.ticktext": texts, **more}


def _tick(suite: str, group: str) -> str:
    if group not in places(suite):
        return named(GROUPS, group).zh or group
    code, name, _ = places(suite)[group]
    return f"{code} {name.zh}"


def _wrapped(text: str, width: int) -> str:
    """Breaks a text into lines of about equal length, none longer than `width`."""
    lines = max(1, ceil(len(text) / width))
    length = max(1, ceil(len(text) / lines))
    return "<br>".join(quoted(text[i : i + length]) for i in range(0, len(text), length))


def all_figures(run: Run) -> dict[str, Any]:
    """Every chart of the report by the name of its place in the page; None or empty where there is nothing to show."""
    rows = [row for row in run.rows if not row.metric.startswith(THINKING)]
    suite, epochs = str(run.about.run.get("suite", "")), int(run.about.run.get("epochs", 1))
    return {
        "labels": label_shares(run, suite, epochs),
        "radar": radar(rows),
        "categories": category_bars(rows),
        "contrasts": contrasts(rows),
        "published": published_charts(rows),
    }
