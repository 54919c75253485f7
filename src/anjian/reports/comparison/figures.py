"""The forest of a pair of models: what every metric gained, with intervals, zero, and the margin.

A specification for plotly.js; see `anjian.reports.marks`.
"""

from collections import Counter
from collections.abc import Sequence

from anjian.reports.comparison.table import change_span, column_name, signed
from anjian.reports.comparison.words import WAYS, Way, way_of
from anjian.reports.marks import Figure, quoted, ticks, wrapped
from anjian.reports.names import Lexicon
from anjian.reports.text import number
from anjian.reports.words import chinese, english
from anjian.scores.comparison import Contrast
from anjian.scores.gates import Criteria, worded_p, worst_and_best
from anjian.scores.paired import Change

COLOURS: dict[Way, str] = {"better": "#23805a", "worse": "#c0392b", "open": "#7b8794", "same": "#7b8794"}
SYMBOLS: dict[Way, str] = {"better": "circle", "worse": "x", "open": "circle-open", "same": "line-ns-open"}
_GREY = "#7b8794"


def forest(contrast: Contrast, criteria: Criteria, lexicon: Lexicon) -> Figure | None:
    """Gains in points, better to the right, whatever the direction of the metric; None if nothing was compared.

    The thin line is the 95% interval, the thick one lies between the one-sided limits that the margin is held against.
    """
    changes = [change for change in contrast.changes if change.gain is not None]
    if not changes:
        return None
    metrics = [change.metric for change in changes]
    rows = ["/".join((metric.suite, metric.task, metric.metric, metric.group)) for metric in metrics]
    data = [_wide(changes, rows), *_thick(changes, rows, criteria), *_gains(changes, rows, criteria, lexicon)]
    labels, short = _labels(changes, lexicon), _labels(changes, lexicon, short=True)
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
    bound = [place for place, change in enumerate(changes) if change.metric.group_kind == "overall"]
    layout["shapes"] += [_line(-100 * criteria.margin, place - 0.5, place + 0.5, "dash") for place in bound]
    return {
        "data": data,
        "layout": layout,
        "narrow": {"yaxis.ticktext": ["<br>".join(wrapped(part, 11) for part in text.split(" · ")) for text in short]},
    }


def _line(x: float, top: float, bottom: float, dash: str) -> Figure:
    line = {"color": _GREY, "width": 1.5, "dash": dash}
    return {"type": "line", "xref": "x", "yref": "y", "x0": x, "x1": x, "y0": top, "y1": bottom, "line": line}


def _label(change: Change, lexicon: Lexicon) -> str:
    name = column_name(change.metric, lexicon)
    return f"{chinese(name)} {name.en if name.zh and change.metric.group_kind == 'overall' else ''}".strip()


def _labels(changes: Sequence[Change], lexicon: Lexicon, short: bool = False) -> list[str]:
    """The names on the axis, with their suites where two metrics would share a name; short ones are Chinese alone."""
    full = [_label(change, lexicon) for change in changes]
    names = [chinese(column_name(change.metric, lexicon)) for change in changes] if short else full
    alike, labels = Counter(names), []
    for change, name in zip(changes, names, strict=True):
        suite = f" · {english(lexicon.suite(change.metric.suite))}" if alike[name] > 1 else ""
        labels.append(f"{'↑' if change.metric.higher else '↓'} {name}{suite}")
    return labels


def _ends(change: Change) -> tuple[float, float]:
    """The 95% interval in points of gain."""
    points = change.metric.points
    low, high = (change.low or 0) * points, (change.high or 0) * points
    return (low, high) if change.metric.higher else (-high, -low)


def _limits(change: Change) -> tuple[float, float]:
    low, high = worst_and_best(change)
    return 100 * low, 100 * high


def _segments(pairs: Sequence[tuple[tuple[float, float], str]]) -> Figure:
    """Coordinates of lines with gaps between them."""
    xs: list[float | None] = []
    ys: list[str | None] = []
    for (low, high), row in pairs:
        xs += [low, high, None]
        ys += [row, row, None]
    return {"type": "scatter", "mode": "lines", "x": xs, "y": ys, "hoverinfo": "skip", "showlegend": False}


def _wide(changes: Sequence[Change], rows: Sequence[str]) -> Figure:
    return _segments([(_ends(one), row) for one, row in zip(changes, rows, strict=True)]) | {
        "line": {"color": _GREY, "width": 1.5}
    }


def _thick(changes: Sequence[Change], rows: Sequence[str], criteria: Criteria) -> list[Figure]:
    found = []
    for way, colour in COLOURS.items():
        mine = [(_limits(change), row) for change, row in zip(changes, rows, strict=True) if _is(change, way, criteria)]
        found.append(_segments(mine) | {"line": {"color": colour, "width": 4}, "opacity": 0.6})
    return found


def _gains(changes: Sequence[Change], rows: Sequence[str], criteria: Criteria, lexicon: Lexicon) -> list[Figure]:
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
        trace |= {
            "hovertext": [_hover(change, way, lexicon) for change, _ in mine],
            "hoverinfo": "text",
            "cliponaxis": False,
        }
        if mine:
            found.append(trace)
    return found


def _is(change: Change, way: Way, criteria: Criteria) -> bool:
    return way_of(change, criteria.alpha) == way


def _hover(change: Change, way: Way, lexicon: Lexicon) -> str:
    metric = change.metric
    name = quoted(f"{english(lexicon.suite(metric.suite))} {_label(change, lexicon)}")
    ends = f"{number(change.before, metric.points)} → {number(change.after, metric.points)}"
    p = f"，p {quoted(worded_p(change.p_holm))}" if change.p_holm is not None else ""
    counts = f"变好 {len(change.improved)} 题，变差 {len(change.worsened)} 题，共比 {change.n} 题"
    return f"{name}：{WAYS[way][1]}<br>{ends}<br>{signed(change.change, metric)} {change_span(change)}{p}<br>{counts}"
