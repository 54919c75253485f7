"""What the words of errors stand for: the table in errors.toml, compiled."""

import re
from collections.abc import Callable, Iterable
from functools import cache
from importlib.resources import files

import msgspec

Find = Callable[[str], object]


class _Table(msgspec.Struct, forbid_unknown_fields=True):
    no_money: list[str]
    spent: list[str]
    rates: list[str]
    minute: list[str]
    soon: list[str]
    no_entry: list[str]
    no_model: list[str]
    too_long: list[str]
    place: list[str]
    content: list[str]
    wait: list[str]
    units: dict[str, float]


class Words(msgspec.Struct, frozen=True):
    """One search for each meaning; `duration` finds a number with its unit, `wait` a whole length of time."""

    no_money: Find
    spent: Find
    rates: Find
    minute: Find
    soon: Find
    no_entry: Find
    no_model: Find
    too_long: Find
    place: Find
    content: Find
    duration: re.Pattern[str]
    wait: re.Pattern[str]
    units: dict[str, float]


def any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    """One pattern that finds what any of these finds, whatever the letter case."""
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE | re.DOTALL)


@cache
def words() -> Words:
    """Reads the table of words."""
    table = msgspec.toml.decode(files("anjian.models.http.wire").joinpath("errors.toml").read_bytes(), type=_Table)
    units = "|".join(sorted(map(re.escape, table.units), key=len, reverse=True))
    duration = rf"(\d{{1,12}}(?:\.\d{{1,9}})?)\s*({units})"
    wait = "|".join(table.wait)
    return Words(
        no_money=any_of(table.no_money).search,
        spent=any_of(table.spent).search,
        rates=any_of(table.rates).search,
        minute=any_of(table.minute).search,
        soon=any_of(table.soon).search,
        no_entry=any_of(table.no_entry).search,
        no_model=any_of(table.no_model).search,
        too_long=any_of(table.too_long).search,
        place=any_of(table.place).search,
        content=any_of(table.content).search,
        duration=re.compile(duration, re.IGNORECASE),
        wait=re.compile(rf"(?:{wait})\W{{0,4}}(?P<time>(?:\d[\d.]*\s*(?:{units})\s*){{1,4}})", re.IGNORECASE),
        units=table.units,
    )
