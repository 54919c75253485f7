"""What the charts share: colours, hovers, scales, and labels that fit.

A figure is a specification for plotly.js: a dict with `data`, `layout`, and `narrow`, which is what phones override.
Every mark's hover names its value, its interval, and how many were scored.
"""

from collections.abc import Mapping, Sequence
from html import escape
from math import ceil
from textwrap import wrap
from typing import Any

from anjian.reports.names import Key, Lexicon, Of, key_of
from anjian.reports.text import interval_text, number
from anjian.scores.rows import Row
from anjian.text import visible

Figure = dict[str, Any]

TONE_COLOURS = {"guidance": "#23805a", "refusal": "#2a6f9e", "harmless": "#dfa53a", "risky": "#c0392b"}
COLOURS = TONE_COLOURS | {"violet": "#8763ab"}
"""The colours that a measure can ask for."""
SERIES = ("#4a6fa5", "#2f8f8b", "#b07d2b", "#8b5e8f", "#66788a")
"""One for each area, and for whatever else comes in series."""


def quoted(text: str) -> str:
    """Makes a text from outside safe in a label: plotly reads some HTML there."""
    return escape(visible(text).replace("\n", " "))


def wrapped(text: str, width: int) -> str:
    """Breaks a text into lines of about equal length, none longer than `width`; English between words."""
    if text.isascii():
        return "<br>".join(map(quoted, wrap(text, width)))
    lines = max(1, ceil(len(text) / width))
    length = max(1, ceil(len(text) / lines))
    return "<br>".join(quoted(text[i : i + length]) for i in range(0, len(text), length))


def colour(lexicon: Lexicon, of: Of, place: int = 0) -> str:
    """The colour of a metric; one of the series for those without their own."""
    measure = lexicon.measure(of)
    return COLOURS.get(measure.tone if measure else "", SERIES[place % len(SERIES)])


def fill(place: int) -> Figure:
    """The filling of bars, light enough for their intervals to be seen on them."""
    return {"color": SERIES[place % len(SERIES)], "opacity": 0.85}


def hover(lexicon: Lexicon, row: Row, factor: float) -> str:
    """What a mark says: group, metric, value, interval, scored and n."""
    unit = "%" if factor == 100 else ""
    group, metric = quoted(str(lexicon.group(row.suite, row.group))), quoted(str(lexicon.metric(row)))
    interval = f"95% 区间 {interval_text(row.low, row.high, factor)}"
    return f"{group}<br>{metric} {number(row.value, factor)}{unit}<br>{interval}<br>计分 {row.scored} / {row.n}"


def marks(lexicon: Lexicon, rows: Sequence[Row], factor: Mapping[Key, float], along: str) -> Figure:
    """Values, error bars and hovers of rows, along the axis `x` or `y`; `factor` is that of each metric."""
    ends = [(row.low or 0.0, row.value or 0.0, row.high or 0.0, factor[key_of(row)]) for row in rows]
    error = {
        "type": "data",
        "symmetric": False,
        "array": [(high - value) * times for _, value, high, times in ends],
        "arrayminus": [(value - low) * times for low, value, _, times in ends],
        "thickness": 1.3,
        "width": 3,
    }
    return {
        along: [None if row.value is None else row.value * factor[key_of(row)] for row in rows],
        f"error_{along}": error,
        "hovertext": [hover(lexicon, row, factor[key_of(row)]) for row in rows],
        "hoverinfo": "text",
    }


def scale(factors: Mapping[Key, float]) -> Figure:
    """An axis from 0 to 100, in percent if all that it shows are fractions."""
    percent = set(factors.values()) <= {100.0}
    return {"range": [0, 101], "tick0": 0, "dtick": 25, "ticksuffix": "%" if percent else ""}


def ticks(values: Sequence[str], names: Sequence[str], width: int) -> Figure:
    """An axis of categories from top to bottom, with names of at most `width` characters a line."""
    axis = {"type": "category", "categoryorder": "array", "categoryarray": list(values), "autorange": "reversed"}
    texts = [wrapped(name, width) for name in names]
    return axis | {"tickmode": "array", "tickvals": list(values), "ticktext": texts, "ticklabelstandoff": 6}


def narrow(names: Sequence[str], width: int, **more: Any) -> Figure:
    """What phones override: names cut to `width` characters."""
    texts = [quoted(name if len(name) <= width else name[: width - 1] + "…") for name in names]
    return {"yaxis.ticktext": texts, **more}


def tick(lexicon: Lexicon, suite: str, group: str) -> str:
    """The name of a group on an axis: its code and its Chinese name."""
    name = lexicon.group(suite, group)
    return f"{lexicon.code(suite, group)} {name.zh or name.en}".strip()
