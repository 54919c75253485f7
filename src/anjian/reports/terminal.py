"""Scores as tables for a terminal: overall, by area, with and without history, by category, and the thinking."""

from collections.abc import Iterable, Sequence
from textwrap import wrap

from msgspec import UNSET
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from anjian.judges.builtin import FIRST_LOOK
from anjian.names import Name
from anjian.reports.cards import corrected_text
from anjian.reports.names import Key, Lexicon, key_of
from anjian.reports.text import interval_text, number
from anjian.reports.words import KINDS, SHAPES, named, reason
from anjian.scores.measures import THINKING
from anjian.scores.rows import Row
from anjian.text import one_line, plain

ENOUGH = 0.95
"""Coverage below this is shown as a warning."""
_WITH_INTERVALS = ("area", "ability", "history", "round")
_COMPACT = ("category", "dimension")
_METRICS_ABREAST = 4
_NARROW = 80
_EDGES, _BETWEEN = 2, 2
"""Columns that a table takes at its edges, and for each of its columns."""
_REASON = 29
"""Columns for the name of a reason."""
_HEAD, _HEAD_WIDTH = 7, 12
"""Longest lines of a head, in Chinese characters and in Latin letters."""


def print_scores(rows: Sequence[Row], console: Console, lexicon: Lexicon) -> None:
    """Prints the rows of a run as tables that suit the console's width."""
    for table in score_tables(rows, lexicon, console.width):
        console.print(table)


def failure_table(failures: Iterable[tuple[str, int, str]]) -> Table:
    """Why replies have no verdict: each reason on a line, with how many there are and the words of who failed."""
    table = titled_table("未计分的原因 why replies are unscored")
    table.width = _NARROW
    table.add_column("条数 n", justify="right", no_wrap=True)
    table.add_column("原因 reason", overflow="fold", max_width=_REASON)
    table.add_column("说明 words", no_wrap=True, overflow="ellipsis", ratio=1)
    for key, count, words in failures:
        table.add_row(Text(str(count)), stacked(plain(reason(key).zh), plain(reason(key).en)), Text(one_line(words)))
    return table


def score_tables(rows: Sequence[Row], lexicon: Lexicon, width: int = 100) -> list[Table]:
    """Lays rows out in tables, a set of them for each suite and model; intervals are left out on narrow terminals."""
    tables = []
    for suite, model in dict.fromkeys((row.suite, row.model) for row in rows):
        mine = lexicon.in_order(row for row in rows if (row.suite, row.model) == (suite, model))
        tables += _tables_of_run(mine, lexicon, width)
    return tables


def _tables_of_run(rows: Sequence[Row], lexicon: Lexicon, width: int) -> list[Table]:
    scored = [row for row in rows if not row.metric.startswith(THINKING)]
    factor = lexicon.factors(rows)
    overall = [row for row in scored if row.group_kind == "overall"]
    tables = [_overall(overall, factor, lexicon, width)] if overall else []
    for kind in (*_WITH_INTERVALS, *_COMPACT):
        mine = [row for row in scored if row.group_kind == kind]
        intervals = kind in _WITH_INTERVALS and width >= _NARROW
        parts = ([row for row in mine if key_of(row) in metrics] for metrics in _abreast(mine, width))
        tables += [_pivot(part, kind, lexicon, intervals) for part in parts]
    return tables + _shapes([row for row in rows if row.metric.startswith(THINKING)], lexicon)


def _abreast(rows: Sequence[Row], width: int) -> list[list[Key]]:
    """Splits the metrics so that each part fits one table."""
    metrics = list(dict.fromkeys(map(key_of, rows)))
    most = _METRICS_ABREAST if width >= _NARROW else _METRICS_ABREAST - 1
    return [metrics[i : i + most] for i in range(0, len(metrics), most)]


def _overall(rows: Sequence[Row], factor: dict[Key, float], lexicon: Lexicon, width: int) -> Table:
    table = titled_table(f"{rows[0].suite} · {rows[0].model}")
    table.add_column("指标\nmetric", overflow="fold")
    for head in ("值\nvalue", "95% 区间\ninterval", "计分/总数\nscored/n"):
        table.add_column(head, justify="right", no_wrap=True)
    carded = any(row.corrected is not UNSET for row in rows)
    if carded:
        table.add_column("校正后\ncorrected", justify="right", no_wrap=True)
    for head in ("任务\ntask", "裁判\njudge")[: 2 if width >= _NARROW else 0]:
        table.add_column(head, overflow="fold")
    for row in rows:
        times = factor[key_of(row)]
        unit = "%" if times == 100 and row.value is not None else ""
        cells = [
            Text(plain(str(lexicon.metric(row)))),
            Text(f"{number(row.value, times)}{unit}", style="bold"),
            Text(interval_text(row.low, row.high, times)),
            _coverage(row),
            *([Text(corrected_text(row, times) or "")] if carded else []),
            Text(plain(str(lexicon.task(row.suite, row.task)))),
            Text(f"{plain(row.judge)}{' 初看 first look' if row.judge in FIRST_LOOK else ''}"),
        ]
        table.add_row(*cells[: len(table.columns)])
    return table


def _pivot(rows: Sequence[Row], kind: str, lexicon: Lexicon, intervals: bool) -> Table:
    """Groups down, metrics across, and after the metrics of a task how many were scored."""
    factor, heads = lexicon.factors(rows), {key_of(row): lexicon.metric(row) for row in rows}
    tasks, suite = list(dict.fromkeys(task for task, _ in heads)), rows[0].suite
    cells = {(row.group, *key_of(row)): row for row in rows}
    percent = " (%)" if set(factor.values()) == {100.0} else ""
    table = titled_table(f"{named(KINDS, kind)}{percent}")
    coded = any(lexicon.code(suite, row.group) for row in rows)
    if coded:
        table.add_column("", no_wrap=True)
    table.add_column("", overflow="fold", min_width=12)
    for task in tasks:
        for key in (key for key in heads if key[0] == task):
            table.add_column(_head(heads[key]), justify="right", no_wrap=True)
        table.add_column("计分\nscored", justify="right", no_wrap=True, style="dim")
    for group in dict.fromkeys(row.group for row in rows):
        line = [Text(plain(lexicon.code(suite, group)))] if coded else []
        line.append(_group(lexicon.group(suite, group), intervals))
        for task in tasks:
            found = [cells.get((group, *key)) for key in heads if key[0] == task]
            line += [_value(row, factor, intervals) for row in found]
            line.append(next((_coverage(row) for row in found if row), Text()))
        table.add_row(*line)
    return table


def _value(row: Row | None, factor: dict[Key, float], intervals: bool) -> Text:
    if row is None:
        return Text()
    times = factor[key_of(row)]
    value = number(row.value, times, digits=1)
    return stacked(value, interval_text(row.low, row.high, times, digits=1)) if intervals else Text(value)


def _coverage(row: Row) -> Text:
    return Text(f"{row.scored}/{row.n}", style="yellow" if row.scored < ENOUGH * row.n else "")


def _group(name: Name, two_lines: bool) -> Text:
    if not two_lines or not name.zh or not name.en:
        return Text(plain(name.zh or name.en))
    return stacked(plain(name.zh), plain(name.en))


def stacked(above: str, below: str) -> Text:
    """One line above another, which is dim."""
    return Text.assemble(above, "\n", (below, "dim"))


def _shapes(rows: Sequence[Row], lexicon: Lexicon) -> list[Table]:
    """How many replies came with which thinking, a column for each task."""
    if not any(row.n for row in rows):
        return []
    tasks = list(dict.fromkeys(row.task for row in rows))
    counts = {(row.metric, row.task): (round((row.value or 0) * row.n), row.value) for row in rows}
    table = titled_table("思考 thinking")
    table.add_column("")
    for task in tasks:
        table.add_column(_head(lexicon.task(rows[0].suite, task)), justify="right")
    for metric in dict.fromkeys(row.metric for row in rows):
        found = [counts.get((metric, task), (0, None)) for task in tasks]
        if any(count for count, _ in found):
            name = named(SHAPES, metric.removeprefix(THINKING))
            cells = (Text(f"{count} ({number(share, digits=1)}%)") for count, share in found)
            table.add_row(Text(plain(str(name))), *cells)
    return [table]


def _head(name: Name) -> Text:
    lines = [*wrap(name.zh, _HEAD), *wrap(name.en, _HEAD_WIDTH, break_long_words=False, break_on_hyphens=False)]
    return Text("\n".join(plain(line) for line in lines if line))


def widest(cells: Iterable[str]) -> int:
    """Columns that the longest line of some cells takes."""
    return max((cell_len(line) for cell in cells for line in cell.splitlines()), default=0)


def abreast(widths: Sequence[int], keep: int, width: int) -> list[list[int]]:
    """Which columns stand in which table so that none is cut: the first `keep` in each, the others in order."""
    room = width - _EDGES - sum(one + _BETWEEN for one in widths[:keep])
    parts: list[list[int]] = []
    left = 0
    for place, one in list(enumerate(widths))[keep:]:
        if not parts or left < one + _BETWEEN:
            parts.append(list(range(keep)))
            left = room
        parts[-1].append(place)
        left -= one + _BETWEEN
    return parts


def titled_table(title: str) -> Table:
    """An empty table in the style of all."""
    table = Table(title=Text(f"\n{plain(title)}"), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    table.padding = (0, 0, 0, 1)
    return table
