"""The leaderboard as a table for a terminal, as JSON and as CSV."""

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Any, Literal

import msgspec
from rich.console import JustifyMethod
from rich.table import Table
from rich.text import Text

from anjian.reports.leaderboard import Line, Ranking, groups
from anjian.reports.names import Lexicon, protected
from anjian.reports.terminal import abreast, titled_table, widest
from anjian.reports.text import csv_text, interval_text, number
from anjian.reports.words import chinese, english
from anjian.text import plain

_HEAD = 5
"""Chinese characters on a line of a head."""
_MODEL = 28
"""Columns for the name of a model."""
_TO_THE_LEFT = ("模型", "类型")


def _columns(lines: Sequence[Line], key: Literal["rounds", "areas", "dimensions"]) -> list[str]:
    return list(dict.fromkeys(name for line in lines for name in getattr(line, key)))


def as_tables(ranking: Ranking, lines: Sequence[Line], width: int = 100) -> list[Table]:
    """Lays the lines out for a terminal: tables for each judge, prompt and items; published results at the end."""
    published = [line for line in lines if not line.judge]
    ranked = groups([line for line in lines if line.judge])
    if len(ranked) == 1:
        return [*_tables(ranking, [*ranked[0], *published], "", width)]
    tables = [table for group in ranked for table in _tables(ranking, group, _terms(group[0]), width)]
    return [*tables, *(_tables(ranking, published, "published", width) if published else ())]


def _terms(line: Line) -> str:
    """The judge, the prompt and the items of a table."""
    return " · ".join(filter(None, (line.judge, line.prompt, f"题目 items {line.items[:8]}")))


def _tables(ranking: Ranking, lines: Sequence[Line], terms: str, width: int) -> Iterator[Table]:
    """Yields as many tables as it takes to cut no figure; ranks and models stand in each."""
    name = english(Lexicon([ranking.suite]).suite(ranking.suite.name))
    rounds, areas = _columns(lines, "rounds"), _columns(lines, "areas")
    heads = _heads(ranking, rounds, areas)
    shown = [head if head[0].isdigit() else "\n".join(wrap(plain(head), _HEAD)) for head in heads]
    rows = [[plain(cell) for cell in _cells(ranking, rounds, areas, line)] for line in lines]
    widths = [widest(column) for column in zip(shown, *rows, strict=True)]
    widths[1] = min(widths[1], _MODEL)
    for part in (parts := abreast(widths, 2, width)):
        table = titled_table(plain(f"{name} · {terms}" if terms else name))
        if part is parts[-1]:
            table.caption = "区间重叠者名次为一个范围 · overlapping intervals: a range of ranks"
            table.caption_justify = "left"
        for place in part:
            justify: JustifyMethod = "left" if heads[place] in _TO_THE_LEFT else "right"
            table.add_column(Text(shown[place]), justify=justify, overflow="fold", width=widths[place])
        for line, row in zip(lines, rows, strict=True):
            table.add_row(*(Text(row[place]) for place in part), style="dim" if line.rank is None else "")
        yield table


def _heads(ranking: Ranking, rounds: Sequence[str], areas: Sequence[str]) -> list[str]:
    lexicon, guard = Lexicon([ranking.suite]), ranking.guard
    return [
        *("名次", "模型", "总分", "95% 区间"),
        *(chinese(lexicon.group(ranking.suite.name, name)) for name in rounds),
        *(["差"] if rounds else []),
        *(ranking.areas[key].zh for key in areas),
        *([f"{chinese(protected(guard[1], guard[1].title))} %"] if guard else []),
        "类型",
    ]


def _cells(ranking: Ranking, rounds: Sequence[str], areas: Sequence[str], line: Line) -> list[str]:
    factor, guard = 100 / ranking.measure.best, ranking.guard
    scores = [*map(line.rounds.get, rounds), *([line.round_delta] if rounds else []), *map(line.areas.get, areas)]
    return [
        _rank(line),
        line.model if line.judge else f"{line.model} (published)",
        *(number(line.total, factor), interval_text(line.low, line.high, factor)),
        *(number(score, factor) for score in scores),
        *([number(line.guard, 100 / guard[1].best)] if guard else []),
        " ".join(part for part in (line.access, line.size) if part),
    ]


def _rank(line: Line) -> str:
    """A rank, or a range of them."""
    return "–" if line.rank is None else "–".join(map(str, dict.fromkeys((line.rank, line.rank_to))))


def as_json(ranking: Ranking, lines: Sequence[Line]) -> str:
    """The lines as a JSON list."""
    return msgspec.json.format(msgspec.json.encode([_flat(ranking, line) for line in lines]), indent=1).decode()


def _flat(ranking: Ranking, line: Line) -> dict[str, Any]:
    """A line without what it lacks: rounds and areas beside the rest, the guard under its own name."""
    flat: dict[str, Any] = {}
    for name, value in msgspec.to_builtins(line).items():
        if name in ("rounds", "areas"):
            flat |= {key: one for key, one in value.items() if one is not None}
        else:
            flat[ranking.guard[1].name if name == "guard" and ranking.guard else name] = value
    return flat


def as_csv(ranking: Ranking, lines: Sequence[Line]) -> str:
    """The lines as CSV, a column for each sub-dimension; no cell can pass for a spreadsheet formula."""
    rounds, areas, dimensions = (_columns(lines, key) for key in ("rounds", "areas", "dimensions"))
    before, after = (
        ["model", "rank", "rank_to", "total", "low", "high"],
        ["n", "scored", "access", "size", "judge", "prompt", "items", "source"],
    )
    guard = [ranking.guard[1].name] if ranking.guard else []
    heads = [*before, *rounds, "round_delta", *areas, *guard, *after, *dimensions]
    found = []
    for line in lines:
        cells = [getattr(line, name) for name in before]
        cells += [*map(line.rounds.get, rounds), line.round_delta, *map(line.areas.get, areas)]
        cells += ([line.guard] if guard else []) + [getattr(line, name) for name in after]
        found.append([*cells, *map(line.dimensions.get, dimensions)])
    return csv_text([heads, *found])
