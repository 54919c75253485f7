"""A comparison in a terminal: the models suite by suite, what changed at each stage, the verdict and its reasons."""

from collections.abc import Iterator, Sequence
from math import ceil
from textwrap import wrap

from rich.console import Console
from rich.table import Table
from rich.text import Text

from anjian.names import Name
from anjian.reports.cards import card_lines
from anjian.reports.comparison.table import (
    Column,
    Sheet,
    change_span,
    column_name,
    interval_of,
    sheets,
    signed,
    value_of,
)
from anjian.reports.comparison.words import (
    OUTCOMES,
    TESTS,
    WAYS,
    Guards,
    Way,
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
from anjian.reports.terminal import stacked, titled_table
from anjian.reports.words import english
from anjian.scores.comparison import Contrast, SideBySide
from anjian.scores.gates import Criteria, Outcome
from anjian.scores.paired import Change
from anjian.text import plain

_STYLES: dict[Way, str] = {"better": "green", "worse": "red", "open": "", "same": "dim", "none": "dim"}
_OUTCOMES: dict[Outcome, str] = {"safer": "bold green", "not proven": "bold yellow", "harmed": "bold red"}
_MODEL, _COLUMN, _HEAD = 16, 15, 7
"""Widths of the models' names and of a column with its padding, and of a head in Chinese characters."""


def print_comparison(comparison: SideBySide, console: Console, lexicon: Lexicon) -> None:
    """Prints the tables in the console's width, and the verdict on the last stage at the end."""
    guards = guards_of(comparison, lexicon)
    for sheet in sheets(comparison, lexicon):
        for columns in _abreast(sheet, console.width):
            console.print(_models(comparison, sheet, columns))
    console.print(
        Text("↑ 越高越好 higher is better · ↓ 越低越好 lower is better · 粗体为最好 best in bold", style="dim")
    )
    for contrast in comparison.contrasts:
        console.print(_changes(contrast, comparison.criteria.alpha, lexicon))
        if contrast is not comparison.last:
            _print_decision(contrast, comparison.criteria, guards, lexicon, console)
    console.print(_both(legend(comparison.criteria), "dim"))
    console.print(_both(demands(comparison.criteria, guards), "dim"))
    console.print()
    for note in said_once(comparison):
        console.print(_both(noted(note, lexicon), "yellow"))
    judges = judges_of(comparison)
    console.print(Text(f"裁判 judge: {plain(', '.join(judges)) or '–'}"))
    if comparison.prompts:
        console.print(Text(f"裁判提示 judge prompt: {plain('; '.join(comparison.prompts))}"))
    for card in card_lines(comparison.cards):
        console.print(Text(f"裁判卡 judge card: {plain(card.en)}", style="dim"))
    console.print()
    _print_decision(comparison.last, comparison.criteria, guards, lexicon, console)


def _abreast(sheet: Sheet, width: int) -> Iterator[Sequence[Column]]:
    """The columns of a suite in as few tables as fit, of about the same width."""
    most = max(1, (width - _MODEL) // _COLUMN)
    size = ceil(len(sheet.columns) / ceil(len(sheet.columns) / most))
    for first in range(0, len(sheet.columns), size):
        yield sheet.columns[first : first + size]


def _models(comparison: SideBySide, sheet: Sheet, columns: Sequence[Column]) -> Table:
    found = titled_table(str(sheet.name))
    found.add_column("模型\nmodel", overflow="fold", min_width=_MODEL - 4)
    for column in columns:
        found.add_column(_title(column), justify="right", no_wrap=True)
    for place, line in enumerate(comparison.lines):
        found.add_row(Text(plain(line.model)), *(_cell(column, place) for column in columns))
    return found


def _title(column: Column) -> Text:
    """The head of a column in short lines; an area's English name would be longer than anything else."""
    head = plain(column.name.zh)
    lines = [head[i : i + _HEAD] for i in range(0, len(head), _HEAD)]
    lines += wrap(plain(column.short.en), 2 * _HEAD)
    *above, last = lines or [""]
    return Text("\n".join((*above, f"{column.arrow} {last}")))


def _cell(column: Column, place: int) -> Text:
    row = column.cells[place]
    if row is None:
        return Text("–", style="dim")
    value = Text(value_of(row, column.factor), style="bold" if place in column.best else "")
    counted = f"n {row.scored}" if row.scored == row.n else f"n {row.scored}/{row.n}"
    below = "\n".join(filter(None, (interval_of(row, column.factor), counted)))
    return Text.assemble(value, "\n", (below, "dim"))


def _changes(contrast: Contrast, alpha: float, lexicon: Lexicon) -> Table:
    found = titled_table(f"{contrast.before} → {contrast.after}")
    found.add_column("指标\nmetric", overflow="fold", ratio=1)
    for title in ("之前→之后\nbefore→after\nn", "变化\nchange", "p (Holm)\n检验 test"):
        found.add_column(title, justify="right", no_wrap=True)
    found.add_column("", overflow="fold")
    suite = ""
    for change in contrast.changes:
        metric = change.metric
        if metric.suite != suite:
            suite = metric.suite
            found.add_row(Text(plain(english(lexicon.suite(suite))), style="bold"))
        found.add_row(*_line(change, alpha, lexicon))
    return found


def _line(change: Change, alpha: float, lexicon: Lexicon) -> list[Text]:
    metric, way = change.metric, way_of(change, alpha)
    name, (sign, word) = column_name(metric, lexicon), WAYS[way]
    title = f"{'↑' if metric.higher else '↓'} {plain(name.zh or name.en)}"
    before, after = ("–" if end is None else f"{end * metric.points:.1f}" for end in (change.before, change.after))
    p = "–" if change.p_holm is None else f"{_short(change.p_holm)}{mark(change, alpha)}"
    return [
        stacked(title, f"  {plain(name.en)}")
        if name.zh and name.en and metric.group_kind == "overall"
        else Text(title),
        stacked(f"{before}→{after}", f"n {change.n}{f'，缺 {change.missing} 条' if change.missing else ''}"),
        stacked(signed(change.change, metric), change_span(change)),
        stacked(p, TESTS[change.test].en if change.test != "none" else ""),
        Text.assemble((f"{sign} {word.zh}", _STYLES[way]), "\n", (_flips(change), "dim")),
    ]


def _short(p: float) -> str:
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def _flips(change: Change) -> str:
    return f"+{len(change.improved)} −{len(change.worsened)}" if change.improved or change.worsened else ""


def _print_decision(contrast: Contrast, criteria: Criteria, guards: Guards, lexicon: Lexicon, console: Console) -> None:
    decision = contrast.decision
    pair = f"{plain(contrast.before)} → {plain(contrast.after)}"
    console.print(Text.assemble(f"{pair}：", (str(OUTCOMES[decision.outcome]), _OUTCOMES[decision.outcome])))
    console.print(_both(meaning(decision.outcome, guards), "dim"))
    for reason in decision.reasons:
        name = told(reason, contrast, criteria, lexicon)
        console.print(Text.assemble("· ", plain(name.zh), "\n  " if name.zh else "", (plain(name.en), "dim")))
    console.print(Text(f"加 --gate 时的退出码 exit code with --gate: {decision.exit_code}", style="dim"))


def _both(name: Name, style: str) -> Text:
    return Text("\n".join(plain(part) for part in name if part), style=style)
