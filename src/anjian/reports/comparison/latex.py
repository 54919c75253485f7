r"""A comparison as LaTeX tables in the form of the papers; needs booktabs alone: `\usepackage{booktabs}`.

One `tabular` for each suite (models down, metrics across, best in bold, intervals below), one for each pair of models.
"""

import re
from collections.abc import Iterable, Iterator

from anjian.reports.comparison.table import Column, Sheet, area_key, interval_of, sheets, signed, value_of
from anjian.reports.comparison.words import (
    TESTS,
    WAYS,
    legend,
    mark,
    noted,
    told,
    way_of,
)
from anjian.reports.names import Lexicon
from anjian.reports.words import english
from anjian.scores.comparison import Contrast, SideBySide
from anjian.scores.gates import worded_p
from anjian.scores.paired import Change, Metric
from anjian.scores.rows import IMPORTED
from anjian.text import plain

# Brackets and asterisks would be arguments of the line break before them.
_ESCAPES = {
    **{char: f"\\{char}" for char in "_%#&{}$"},
    **{char: f"{{{char}}}" for char in '[]*`"'},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "−": "$-$",
    "–": r"\textendash{}",
    "α": r"$\alpha$",
    "†": r"\dag{}",
    "‡": r"\ddag{}",
    "→": r"$\rightarrow$",
}
_JOINED = re.compile(r"([-'])(?=\1)")
"""Two of these in a row become one other sign."""
_TABLE = {ord(char): text for char, text in _ESCAPES.items()}
ARROWS = {True: r"$\uparrow$", False: r"$\downarrow$"}
_NOTE = r"\par\noindent{\scriptsize %s\par}"


def escaped(text: str) -> str:
    r"""A text on one line that LaTeX prints as it is.

    Example:
        >>> escaped("50%_{x}")
        '50\\%\\_\\{x\\}'
    """
    return _JOINED.sub(r"\1{}", plain(text).translate(_TABLE))


def latex(comparison: SideBySide, lexicon: Lexicon) -> str:
    r"""The whole file, to be read with `\input`."""
    return "\n".join(_lines(comparison, lexicon)) + "\n"


def _lines(comparison: SideBySide, lexicon: Lexicon) -> Iterator[str]:
    yield r"% Needs \usepackage{booktabs}; names in other scripts than Latin need XeLaTeX or LuaLaTeX and a font."
    for sheet in sheets(comparison, lexicon):
        yield ""
        yield from _scores(comparison, sheet, lexicon)
    yield from (_NOTE % escaped(noted(note, lexicon).en) for note in comparison.notes)
    for contrast in comparison.contrasts:
        yield ""
        yield from _changes(comparison, contrast, lexicon)


def _scores(comparison: SideBySide, sheet: Sheet, lexicon: Lexicon) -> Iterator[str]:
    width = 1 + len(sheet.columns)
    yield rf"\begin{{tabular}}{{l{'r' * len(sheet.columns)}}}"
    yield r"\toprule"
    yield _row([r"\textbf{Model}", rf"\multicolumn{{{width - 1}}}{{c}}{{{escaped(english(sheet.name))}}}"])
    yield rf"\cmidrule(lr){{2-{width}}}"
    yield _row(["", *(_stacked(column, lexicon) for column in sheet.columns)])
    yield r"\midrule"
    for place, line in enumerate(comparison.lines):
        yield _row([escaped(line.model), *(_value(sheet, place, at) for at in range(len(sheet.columns)))])
        below = (interval_of(column.cells[place], column.factor) for column in sheet.columns)
        yield _row(["", *(rf"{{\scriptsize {escaped(interval)}}}" if interval else "" for interval in below)])
    yield r"\bottomrule"
    yield r"\end{tabular}"
    yield from (_NOTE % note for note in _notes(sheet, lexicon))


def _value(sheet: Sheet, place: int, at: int) -> str:
    column = sheet.columns[at]
    value = escaped(value_of(column.cells[place], column.factor))
    return rf"\textbf{{{value}}}" if place in column.best else value


def _notes(sheet: Sheet, lexicon: Lexicon) -> Iterator[str]:
    """Below the table: how many were scored, and who judged."""
    yield "Best in bold; 95\\% intervals below the values."
    for task, places in sheet.tasks:
        whole = [column for column in (sheet.columns[at] for at in places) if column.metric.group_kind == "overall"]
        rows = [row for row in (whole or [sheet.columns[places[0]]])[0].cells if row]
        counts = ", ".join(f"{row.scored}/{row.n}" if row.scored < row.n else str(row.n) for row in rows)
        # Of what other harnesses measured, the benchmark is all that is known.
        name = english(sheet.name if task == IMPORTED else lexicon.task(sheet.suite, task))
        yield f"{escaped(name)}: scored $n$ = {counts}; judge: {escaped(', '.join({row.judge: 0 for row in rows}))}."


def _changes(comparison: SideBySide, contrast: Contrast, lexicon: Lexicon) -> Iterator[str]:
    alpha = comparison.criteria.alpha
    heads = ("Metric", "$n$", "Before", "After", "Change", r"95\% interval", "$p$ (Holm)", "Test", "", "Better/worse")
    yield rf"\begin{{tabular}}{{l{'r' * 6}ll{'r'}}}"
    yield r"\toprule"
    pair = rf"{escaped(contrast.before)} $\rightarrow$ {escaped(contrast.after)}"
    yield rf"\multicolumn{{{len(heads)}}}{{l}}{{{pair}: \textbf{{{contrast.decision.outcome}}}}}\\"
    yield r"\midrule"
    yield _row(heads)
    yield r"\midrule"
    for change in contrast.changes:
        yield _row(_change(change, alpha, lexicon))
    yield r"\bottomrule"
    yield r"\end{tabular}"
    notes = [
        *(told(reason, contrast, comparison.criteria, lexicon).en for reason in contrast.decision.reasons),
        legend(comparison.criteria).en,
    ]
    yield from (_NOTE % escaped(note) for note in notes)


def _change(change: Change, alpha: float, lexicon: Lexicon) -> list[str]:
    metric = change.metric
    ends = ("--" if end is None else f"{end * metric.points:.2f}" for end in (change.before, change.after))
    span = f"[{signed(change.low, metric)}, {signed(change.high, metric)}]" if change.low is not None else "–"
    p = "–" if change.p_holm is None else f"{worded_p(change.p_holm)}{mark(change, alpha)}"
    name = f"{escaped(english(lexicon.suite(metric.suite)))} {_head(metric, lexicon)}"
    counts = f"{len(change.improved)}/{len(change.worsened)}"
    word = WAYS[way_of(change, alpha)][1].en
    changed = escaped(signed(change.change, metric))
    return [
        name,
        str(change.n),
        *ends,
        changed,
        escaped(span),
        escaped(p),
        escaped(TESTS[change.test].en),
        word,
        counts,
    ]


def _head(metric: Metric, lexicon: Lexicon) -> str:
    name = f"{english(lexicon.metric(metric))} {area_key(metric, lexicon)}".strip()
    return f"{escaped(name)} {ARROWS[metric.higher]}"


def _stacked(column: Column, lexicon: Lexicon) -> str:
    """The head of a column, the area below where there is one."""
    whole, part = escaped(english(column.short)), escaped(area_key(column.metric, lexicon))
    arrow = ARROWS[column.metric.higher]
    return rf"\shortstack[r]{{{whole} {arrow}\\{part}}}" if part else f"{whole} {arrow}"


def _row(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"
