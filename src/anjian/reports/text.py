"""Text from models and files, made safe to show. Replies are hostile until shown otherwise."""

import csv
import io
import re
from collections.abc import Iterable

from anjian.text import plain

_DASH = "–"
BOM = "\ufeff"
"""Begins every CSV file: without it, Excel takes UTF-8 for the system's own encoding."""
# Blanks, joiners and quotes may stand before it, and full-width and small forms mean the same.
_FORMULA = re.compile("[\\s\u200c\u200d'\"`‘’“”＇＂]*[=+\\-@＝＋－＠﹦﹢﹣﹫]")


def number(value: float | None, factor: float = 100, digits: int = 2) -> str:
    """Formats a value times `factor` without a unit; a dash where there is none."""
    return _DASH if value is None else f"{value * factor:.{digits}f}"


def interval_text(low: float | None, high: float | None, factor: float = 100, digits: int = 2) -> str:
    """Formats an interval, such as `58.01–68.10`."""
    return _DASH if low is None or high is None else f"{number(low, factor, digits)}–{number(high, factor, digits)}"


def csv_text(lines: Iterable[Iterable[object]]) -> str:
    """Lines of cells as CSV that Excel opens; None is empty, and no text can pass for a spreadsheet formula."""
    text = io.StringIO()
    text.write(BOM)
    csv.writer(text, lineterminator="\n").writerows(map(_cell, line) for line in lines)
    return text.getvalue()


def _cell(value: object) -> object:
    """Text that a spreadsheet would run as a formula gets an apostrophe before it."""
    if value is None:
        return ""
    if isinstance(value, str):
        value = plain(value)
        return f"'{value}" if _FORMULA.match(value) else value
    return value
