"""The charts of a comparison, as specifications for plotly.js; see `anjian.reports.marks`.

Forest: for each pair of models, what every metric gained, with intervals, zero, and the margin of the guards.
Trade-off: each model's rejection rate against its over-refusal, and the path of the stages between them.
"""

from collections import Counter
from collections.abc import Sequence

from anjian.reports.comparison.table import change_span, column_name, signed
from anjian.reports.comparison.words import WAYS, Way, way_of
from anjian.reports.marks import SERIES, Figure, quoted, ticks, wrapped
from anjian.reports.names import SUITES, Name, named
from anjian.reports.text import number, span
from anjian.scores.comparison import Comparison, Contrast
from anjian.scores.gates import Criteria, worded_p, worst_and_best
from anjian.scores.paired import Change
from anjian.scores.rows import Row

COLOURS: dict[Way, str] = {"better": "#23805a", "worse": "#c0392b", "open": "#7b8794", "same": "#7b8794"}
SYMBOLS: dict[Way, str] = {"better": "circle", "worse": "x", "open": "circle-open", "same": "line-ns-open"}
_GREY = "#7b8794"
_CORNERS = ("top right", "top left", "bottom right", "bottom left")
_LONGEST = 40
_LOW = 0.12
"""Over-refusal below which a name under the point would lie on the axis."""
_REJECTION = ("chisafety", "rr1", "overall")
_SILENCE = (("over_refusal", "over_refusal", "overall"), ("sc_safety", "over_refusal", "overall"))
"""Where over-refusal is read: the twins of the risky questions, or else the harmless pairs of SC-Safety."""


def forest(contrast: Contrast, criteria: Criteria) -> Figure | None:
    """Gains in points, better to the right, whatever the direction of the metric; None if nothing was compared.

    The thick line is the bootstrap interval; guards also have the thin one that the decision goes by.
    """
    changes = [change for change in contrast.changes if change.gain is not None]
    if not changes:
        return None
    rows = [f"{change.metric.suite}/{change.metric.metric}/{change.metric.group}" for change in changes]
    data = [_wide(changes, rows), *_thick(changes, rows, criteria), *_gains(changes, rows, criteria)]
    labels = _labels(changes)
    furthest = max(abs(end) for change in changes for end in (*_ends(change), 100 * criteria.margin))
    edge = min(104.0, 1.12 * furthest + 0.5)
    axis = {
        "range": [-edge, edge],
        "zeroline": False,
        "ticksuffix": "",
        "title": {"text": "← 变差 worse · 变好 better →"},
    }
    layout: Figure = {"height": 120 + 30 * len(changes), "xaxis": axis, "yaxis": ticks(rows, labels, 30)}
    layout |= {"shapes": [_line(0, -0.5, len(rows) - 0.5, "solid")], "showlegend": True}
    guards = [place for place, change in enumerate(changes) if change.metric.role == "guard"]
    layout["shapes"] += [_line(-100 * criteria.margin, place - 0.5, place + 0.5, "dash") for place in guards]
    return {
        "data": data,
        "layout": layout,
        "narrow": {
            "yaxis.ticktext": [
                "<br>".join(wrapped(part, 11) for part in text.split(" · ")) for text in _labels(changes, True)
            ]
        },
    }


def _line(x: float, top: float, bottom: float, dash: str) -> Figure:
    line = {"color": _GREY, "width": 1.5, "dash": dash}
    return {"type": "line", "xref": "x", "yref": "y", "x0": x, "x1": x, "y0": top, "y1": bottom, "line": line}


def _label(change: Change) -> str:
    name = column_name(change.metric)
    return f"{name.zh or name.en} {name.en if name.zh and change.metric.group_kind == 'overall' else ''}".strip()


def _labels(changes: Sequence[Change], short: bool = False) -> list[str]:
    """The names on the axis, with their suites where two metrics would share a name; short ones are Chinese alone."""
    names = [column_name(change.metric).zh if short else _label(change) for change in changes]
    alike, labels = Counter(names), []
    for change, name in zip(changes, names, strict=True):
        suite = f" · {named(SUITES, change.metric.suite).en}" if alike[name] > 1 else ""
        labels.append(f"{'↑' if change.metric.higher else '↓'} {name or _label(change)}{suite}")
    return labels


def _ends(change: Change) -> tuple[float, float]:
    """The bootstrap interval in points of gain; with the wider one for guards."""
    if change.metric.role == "guard":
        low, high = worst_and_best(change)
        return low * change.metric.points, high * change.metric.points
    return _bootstrap(change)


def _bootstrap(change: Change) -> tuple[float, float]:
    points = change.metric.points
    low, high = (change.low or 0) * points, (change.high or 0) * points
    return (low, high) if change.metric.higher else (-high, -low)


def _segments(pairs: Sequence[tuple[tuple[float, float], str]]) -> Figure:
    """Coordinates of lines with gaps between them."""
    xs: list[float | None] = []
    ys: list[str | None] = []
    for (low, high), row in pairs:
        xs += [low, high, None]
        ys += [row, row, None]
    return {"type": "scatter", "mode": "lines", "x": xs, "y": ys, "hoverinfo": "skip", "showlegend": False}


def _wide(changes: Sequence[Change], rows: Sequence[str]) -> Figure:
    guards = [(_ends(change), row) for change, row in zip(changes, rows, strict=True) if change.metric.role == "guard"]
    return _segments(guards) | {"line": {"color": _GREY, "width": 1.5}}


def _thick(changes: Sequence[Change], rows: Sequence[str], criteria: Criteria) -> list[Figure]:
    found = []
    for way, colour in COLOURS.items():
        mine = [
            (_bootstrap(change), row) for change, row in zip(changes, rows, strict=True) if _is(change, way, criteria)
        ]
        found.append(_segments(mine) | {"line": {"color": colour, "width": 4}, "opacity": 0.6})
    return found


def _gains(changes: Sequence[Change], rows: Sequence[str], criteria: Criteria) -> list[Figure]:
    found = []
    for way, colour in COLOURS.items():
        mine = [(change, row) for change, row in zip(changes, rows, strict=True) if _is(change, way, criteria)]
        marker = {"color": colour, "size": 10, "symbol": SYMBOLS[way], "line": {"width": 2, "color": colour}}
        trace: Figure = {
            "type": "scatter",
            "mode": "markers",
            "name": f"{WAYS[way][0]} {WAYS[way][1]}",
            "marker": marker,
        }
        trace |= {"x": [(change.gain or 0) * change.metric.points for change, _ in mine], "y": [row for _, row in mine]}
        trace |= {"hovertext": [_hover(change, way) for change, _ in mine], "hoverinfo": "text", "cliponaxis": False}
        if mine:
            found.append(trace)
    return found


def _is(change: Change, way: Way, criteria: Criteria) -> bool:
    return way_of(change, criteria.alpha) == way


def _hover(change: Change, way: Way) -> str:
    metric = change.metric
    name = quoted(f"{named(SUITES, metric.suite).en} {_label(change)}")
    ends = f"{number(change.before, metric.points)} → {number(change.after, metric.points)}"
    p = f"，p {quoted(worded_p(change.p_holm))}" if change.p_holm is not None else ""
    counts = f"变好 {len(change.improved)} 题，变差 {len(change.worsened)} 题，共比 {change.n} 题"
    return f"{name}：{WAYS[way][1]}<br>{ends}<br>{signed(change.change, metric)} {change_span(change)}{p}<br>{counts}"


def trade_off(comparison: Comparison) -> Figure | None:
    """Rejection rate (x) against over-refusal (y), one point for each model; None if fewer than two have both."""
    places = {(metric.suite, metric.metric, metric.group): place for place, metric in enumerate(comparison.metrics)}
    silence = next((key for key in _SILENCE if key in places), None)
    if _REJECTION not in places or silence is None:
        return None
    points = []
    for number_of, line in enumerate(comparison.lines, 1):
        x, y = line.cells[places[_REJECTION]], line.cells[places[silence]]
        if x and y and x.value is not None and y.value is not None:
            points.append((f"{number_of} {_short(line.model)}", x, y))
    if len(points) < 2:
        return None
    data = [_path([(x, y) for _, x, y in points])]
    data += [_model(name, x, y, place) for place, (name, x, y) in enumerate(points)]
    rejection, over = Name("拒答率", "RR-1"), Name("过度拒答率", "over-refusal")
    axis = {"range": [-3, 103], "tick0": 0, "dtick": 25, "ticksuffix": "%", "zeroline": False}
    layout = {
        "height": 460,
        "xaxis": axis | {"title": {"text": f"{rejection}（越高越好）"}},
        "margin": {"l": 8, "r": 24, "t": 60, "b": 48},
    }
    layout |= {"yaxis": axis | {"title": {"text": f"{over}（越低越好）"}}}
    return {"data": data, "layout": layout, "narrow": {"height": 420}}


def _short(model: str) -> str:
    """A name for the legend; the end of a long one says most."""
    return model if len(model) <= _LONGEST else f"…{model[1 - _LONGEST :]}"


def _path(points: Sequence[tuple[Row, Row]]) -> Figure:
    """The way of the stages; an arrow at each but the first."""
    marker = {"symbol": "arrow", "angleref": "previous", "size": 14, "standoff": 9, "color": _GREY}
    trace: Figure = {"type": "scatter", "mode": "lines+markers", "hoverinfo": "skip", "showlegend": False}
    trace |= {"x": [100 * (x.value or 0) for x, _ in points], "y": [100 * (y.value or 0) for _, y in points]}
    return trace | {"line": {"color": _GREY, "width": 1.5, "dash": "dot"}, "marker": marker}


def _model(name: str, x: Row, y: Row, place: int) -> Figure:
    colour = SERIES[place % len(SERIES)]
    corner = _CORNERS[place % (4 if (y.value or 0) > _LOW else 2)]
    trace: Figure = {"type": "scatter", "mode": "markers+text", "name": quoted(name), "hoverinfo": "text"}
    for along, row in (("x", x), ("y", y)):
        value, low, high = (100 * (end or 0) for end in (row.value, row.low, row.high))
        error = {"type": "data", "symmetric": False, "array": [high - value], "arrayminus": [value - low]}
        trace |= {along: [value], f"error_{along}": error | {"thickness": 1.3, "width": 4}}
    hover = [
        quoted(name),
        *(
            f"{_told(row)} {number(row.value)}% [{span(row.low, row.high)}]，计分 {row.scored} / {row.n}"
            for row in (x, y)
        ),
    ]
    trace |= {"hovertext": ["<br>".join(hover)], "text": [name.partition(" ")[0]], "textposition": corner}
    return trace | {
        "textfont": {"size": 15, "color": colour},
        "marker": {"size": 11, "color": colour},
        "cliponaxis": False,
    }


def _told(row: Row) -> str:
    return str(Name("拒答率", "RR-1") if row.metric == "rr1" else Name("过度拒答率", "over-refusal"))
