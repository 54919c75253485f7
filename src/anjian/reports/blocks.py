"""A document as a list of blocks, for whoever writes it down: as a page here, as a Word file elsewhere."""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

Manner = Literal["", "notice", "small", "centre", "title"]
TONES: Final = {
    "符合": "good",
    "不符合": "bad",
    "待填写": "open",
    "（待填写）": "open",
    "不足以下结论": "open",
    "不适用": "none",
}
"""How a cell that says no more than this is coloured."""


class Heading(msgspec.Struct, frozen=True):
    """A heading; level 1 begins a section."""

    text: str
    level: int = 1


class Text(msgspec.Struct, frozen=True):
    """A paragraph."""

    text: str
    manner: Manner = ""


class Table(msgspec.Struct, frozen=True):
    """A table.

    Attributes:
        head: Its headings; none where the first column names what stands beside it.
        rows: As many cells each as there are widths.
        widths: Of the columns, relative to each other.
        caption: What stands above it.
        tall: True where people write into it by hand.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    widths: tuple[float, ...]
    caption: str = ""
    tall: bool = False


class Break(msgspec.Struct, frozen=True):
    """What follows begins a new page, on paper."""


Block = Heading | Text | Table | Break


def tone_of(cell: str) -> str:
    """How a cell is coloured; empty for most."""
    return TONES.get(cell, "")


def words_of(blocks: Sequence[Block]) -> list[str]:
    """Every text of a document in its order, cell by cell."""
    found: list[str] = []
    for block in blocks:
        if isinstance(block, Heading | Text):
            found.append(block.text)
        elif isinstance(block, Table):
            found += [*([block.caption] if block.caption else []), *block.head]
            found += [cell for row in block.rows for cell in row]
    return found


def render_blocks(title: str, blocks: Sequence[Block]) -> str:
    """One HTML file that opens offline and runs nothing; every text is escaped."""
    from anjian.reports.page import render_page

    shown = [(type(block).__name__.lower(), block) for block in blocks]
    context = {"title": title, "blocks": shown, "tone": tone_of}
    return render_page("blocks.html.j2", context, {}, [], ["blocks.css"], charts=False)
