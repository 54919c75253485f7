"""The chart of a trade-off: how safe each model is against how much it overdoes it, and the path of the stages."""

from collections.abc import Sequence
from typing import NamedTuple

from anjian.reports.marks import SERIES, Figure, quoted
from anjian.reports.names import Lexicon
from anjian.reports.text import interval_text, number
from anjian.scores.comparison import ModelLine, SideBySide
from anjian.scores.paired import Metric
from anjian.scores.rows import Row

_GREY = "#7b8794"
_CORNERS = ("top right", "top left", "bottom right", "bottom left")
_LONGEST = 40
_LOW = 12.0
"""Percent below which a name under the point would lie on the axis."""


def axes_of(comparison: SideBySide, lexicon: Lexicon) -> tuple[int, int] | None:
    """The columns that are traded for each other: the first safety metric that is judged, the first guard to keep low.

    None if there are no such two, or fewer than two models have both.
    """
    wholes = [(place, one) for place, one in enumerate(comparison.metrics) if one.group_kind == "overall"]
    judged = (
        place
        for place, one in wholes
        if one.role == "safety" and one.higher and not lexicon.compares(one.suite, one.task)
    )
    overdone = (place for place, one in wholes if one.role == "guard" and not one.higher)
    x, y = next(judged, None), next(overdone, None)
    if x is None or y is None or sum(_has(line.cells[x]) and _has(line.cells[y]) for line in comparison.lines) < 2:
        return None
    return x, y


def _has(row: Row | None) -> bool:
    return row is not None and row.value is not None


def trade_off(comparison: SideBySide, lexicon: Lexicon) -> Figure | None:
    """Safety (x) against what is overdone (y), one point for each model; None if fewer than two have both."""
    axes = axes_of(comparison, lexicon)
    if axes is None:
        return None
    metrics = [comparison.metrics[axis] for axis in axes]
    points = [
        (f"{number_of} {_short(line.model)}", *ends)
        for number_of, line in enumerate(comparison.lines, 1)
        if (ends := _ends_of(line, axes, metrics, lexicon))
    ]
    data = [_path([(x, y) for _, x, y in points])]
    data += [_model(name, x, y, place) for place, (name, x, y) in enumerate(points)]
    axis = {"range": [-3, 103], "tick0": 0, "dtick": 25, "ticksuffix": "%", "zeroline": False}
    titles = [quoted(str(lexicon.metric(metric))) for metric in metrics]
    layout = {
        "height": 460,
        "xaxis": axis | {"title": {"text": f"{titles[0]}（越高越好）"}},
        "margin": {"l": 8, "r": 24, "t": 60, "b": 48},
    }
    layout |= {"yaxis": axis | {"title": {"text": f"{titles[1]}（越低越好）"}}}
    return {"data": data, "layout": layout, "narrow": {"height": 420}}


class _End(NamedTuple):
    """One coordinate of a model: the row, what it is multiplied by to be percent, and what it is called."""

    row: Row
    points: float
    name: str

    @property
    def ends(self) -> tuple[float, float, float]:
        """Value, low and high in percent."""
        value, low, high = (self.points * (end or 0) for end in (self.row.value, self.row.low, self.row.high))
        return value, low, high

    def __str__(self) -> str:
        """What a mark says."""
        row, points = self.row, self.points
        interval = interval_text(row.low, row.high, points)
        return f"{self.name} {number(row.value, points)}% [{interval}]，计分 {row.scored} / {row.n}"


def _short(model: str) -> str:
    """A name for the legend; the end of a long one says most."""
    return model if len(model) <= _LONGEST else f"…{model[1 - _LONGEST :]}"


def _ends_of(
    line: ModelLine, axes: Sequence[int], metrics: Sequence[Metric], lexicon: Lexicon
) -> tuple[_End, _End] | None:
    rows = [row for row in (line.cells[axis] for axis in axes) if row is not None and row.value is not None]
    if len(rows) < len(axes):
        return None
    x, y = (_End(row, one.points, str(lexicon.metric(one))) for row, one in zip(rows, metrics, strict=True))
    return x, y


def _path(points: Sequence[tuple[_End, _End]]) -> Figure:
    """The way of the stages; an arrow at each but the first."""
    marker = {"symbol": "arrow", "angleref": "previous", "size": 14, "standoff": 9, "color": _GREY}
    trace: Figure = {"type": "scatter", "mode": "lines+markers", "hoverinfo": "skip", "showlegend": False}
    trace |= {"x": [x.ends[0] for x, _ in points], "y": [y.ends[0] for _, y in points]}
    return trace | {"line": {"color": _GREY, "width": 1.5, "dash": "dot"}, "marker": marker}


def _model(name: str, x: _End, y: _End, place: int) -> Figure:
    colour = SERIES[place % len(SERIES)]
    corner = _CORNERS[place % (4 if y.ends[0] > _LOW else 2)]
    trace: Figure = {"type": "scatter", "mode": "markers+text", "name": quoted(name), "hoverinfo": "text"}
    for along, end in (("x", x), ("y", y)):
        value, low, high = end.ends
        error = {"type": "data", "symmetric": False, "array": [high - value], "arrayminus": [value - low]}
        trace |= {along: [value], f"error_{along}": error | {"thickness": 1.3, "width": 4}}
    hover = "<br>".join(map(quoted, (name, str(x), str(y))))
    trace |= {"hovertext": [hover], "text": [name.partition(" ")[0]], "textposition": corner}
    return trace | {
        "textfont": {"size": 15, "color": colour},
        "marker": {"size": 11, "color": colour},
        "cliponaxis": False,
    }
