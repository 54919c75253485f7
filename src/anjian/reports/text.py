"""Text from models and files, made safe to show. Replies are hostile until shown otherwise."""

import csv
import io
from collections.abc import Iterable

from rich.markup import escape

from anjian.text import plain

_DASH = "–"
_FORMULA = ("=", "+", "-", "@")


def clean(text: str) -> str:
    """Like `plain`, and escapes what rich would read as markup, so that it can stand in any rich string."""
    text = plain(text)
    body = text.rstrip("\\")
    # rich leaves several backslashes at the end as they are, and they would escape the tag that follows.
    return escape(body) + 2 * text[len(body) :]


def number(value: float | None, factor: float = 100, digits: int = 2) -> str:
    """Formats a value times `factor` without a unit; a dash where there is none."""
    return _DASH if value is None else f"{value * factor:.{digits}f}"


def interval_text(low: float | None, high: float | None, factor: float = 100, digits: int = 2) -> str:
    """Formats an interval, such as `58.01–68.10`."""
    return _DASH if low is None or high is None else f"{number(low, factor, digits)}–{number(high, factor, digits)}"


def csv_text(lines: Iterable[Iterable[object]]) -> str:
    """Lines of cells as CSV; None is empty, and no text can pass for a spreadsheet formula."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(map(_cell, line) for line in lines)
    return text.getvalue()


def _cell(value: object) -> object:
    """Text that a spreadsheet would run as a formula gets an apostrophe before it."""
    if value is None:
        return ""
    if isinstance(value, str):
        value = plain(value)
        return f"'{value}" if value.lstrip().startswith(_FORMULA) else value
    return value
