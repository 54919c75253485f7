"""The leaderboard as a table for a terminal, as JSON and as CSV."""

from collections.abc import Sequence
from textwrap import wrap
from typing import Any, Literal

import msgspec
from rich.table import Table
from rich.text import Text

from anjian.reports.leaderboard import Line, Ranking, groups
from anjian.reports.names import Lexicon, protected
from anjian.reports.terminal import titled_table
from anjian.reports.text import csv_text, interval_text, number
from anjian.reports.words import chinese, english
from anjian.text import plain

_HEAD = 5
"""Chinese characters on a line of a head."""
_TO_THE_LEFT = ("模型", "类型")


def _columns(lines: Sequence[Line], key: Literal["rounds", "areas", "dimensions"]) -> list[str]:
    return list(dict.fromkeys(name for line in lines for name in getattr(line, key)))


def as_tables(ranking: Ranking, lines: Sequence[Line]) -> list[Table]:
    """Lays the lines out for a terminal: a table for each judge, prompt and items; published results at the end."""
    published = [line for line in lines if not line.judge]
    ranked = groups([line for line in lines if line.judge])
    if len(ranked) == 1:
        return [_table(ranking, [*ranked[0], *published], "")]
    tables = [_table(ranking, group, _terms(group[0])) for group in ranked]
    return [*tables, _table(ranking, published, "published")] if published else tables


def _terms(line: Line) -> str:
    """The judge, the prompt and the items of a table."""
    return " · ".join(filter(None, (line.judge, line.prompt, f"题目 items {line.items[:8]}")))


def _table(ranking: Ranking, lines: Sequence[Line], terms: str) -> Table:
    name = english(Lexicon([ranking.suite]).suite(ranking.suite.name))
    table = titled_table(plain(f"{name} · {terms}" if terms else name))
    table.caption, table.caption_justify = "区间重叠者名次为一个范围 · overlapping intervals: a range of ranks", "left"
    rounds, areas = _columns(lines, "rounds"), _columns(lines, "areas")
    for head in _heads(ranking, rounds, areas):
        shown = head if head[0].isdigit() else "\n".join(wrap(plain(head), _HEAD))
        table.add_column(Text(shown), justify="left" if head in _TO_THE_LEFT else "right", overflow="fold")
    for line in lines:
        cells = (Text(plain(cell)) for cell in _cells(ranking, rounds, areas, line))
        table.add_row(*cells, style="dim" if line.rank is None else "")
    return table


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
