"""What the papers report, for comparison: `anjian published SUITE` and a panel of the HTML report.

Each suite with published results has a folder `published/SUITE`: `published.toml` with titles, sources, misprints and
the layout of the tables, and one CSV file for each sheet.
"""

import csv
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

import msgspec
from rich import box
from rich.table import Table

from anjian.errors import UsageError
from anjian.names import Name
from anjian.reports.terminal import abreast, widest

LICENCE = "licence"
"""The column of a sheet that says `open` or `closed`."""
ALIKE = 1.0
"""Points by which two columns differ at most, on the mean, for their marks to lie on each other."""


class Sheet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One published table.

    Attributes:
        title: What it shows, Chinese first.
        source: Where it stands.
        values: Model to column to figure: percent, or scores from 0 to 100.
        licence: Model to `open` or `closed`, where the source says.
        printed: Misprints: model to column to the figure as printed, where `values` has another.
    """

    title: str
    source: str
    values: dict[str, dict[str, float]] = {}
    licence: dict[str, str] = {}
    printed: dict[str, dict[str, float]] = {}

    def alike(self, column: str, other: str) -> bool:
        """True if two columns nearly have the same figures."""
        lines = self.values.values()
        return sum(abs(line[column] - line[other]) for line in lines) < ALIKE * len(lines)


class Column(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One column of a table: a figure, less another where `minus` says so; marked where it differs from `unlike`."""

    column: str
    head: str
    minus: str = ""
    unlike: str = ""


class Layout(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One table; `remarks` are its footnotes."""

    sheet: str
    title: str
    source: str
    columns: list[Column]
    remarks: list[str] = []


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sentence in Chinese and in English."""

    zh: str = ""
    en: str = ""


class Beside(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a report says beside the charts, `{origin}` and `{judge}` being those of the run.

    Attributes:
        official: Where the run asked the official questions.
        other: Where it asked others.
        hint: About the figures themselves.
    """

    official: Words
    other: Words
    hint: Words = Words()

    def about(self, official: bool, origin: str, judge: str) -> Name:
        """What is to be said of a run."""
        words = self.official if official else self.other
        return Name(words.zh.format(origin=origin, judge=judge), words.en.format(origin=origin, judge=judge))


class Results(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The published results of a suite."""

    beside: Beside
    sheets: dict[str, Sheet]
    tables: list[Layout]


def published_names() -> list[str]:
    """The suites that have published results."""
    return sorted(path.name for path in _folder().iterdir() if path.joinpath("published.toml").is_file())


@cache
def load_published(suite: str) -> Results:
    """Loads the published results of a suite.

    Raises:
        UsageError: There are none for this suite.
    """
    if suite not in published_names():
        raise UsageError(f"no published results for suite {suite!r}; there are {', '.join(published_names())}")
    folder = _folder().joinpath(suite)
    found = msgspec.toml.decode(folder.joinpath("published.toml").read_bytes(), type=Results)
    sheets = {name: _filled(sheet, folder.joinpath(f"{name}.csv")) for name, sheet in found.sheets.items()}
    return msgspec.structs.replace(found, sheets=sheets)


def _folder() -> Traversable:
    return files("anjian.reports").joinpath("published")


def _filled(sheet: Sheet, path: Traversable) -> Sheet:
    values, licence = {}, {}
    for row in csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()):
        model = row.pop("model")
        if LICENCE in row:
            licence[model] = row.pop(LICENCE)
        values[model] = {column: float(figure) for column, figure in row.items()}
    return msgspec.structs.replace(sheet, values=values, licence=licence)


def published_tables(suite: str, width: int = 100) -> list[Table]:
    """Lays the published results of a suite out for a terminal; see `load_published` for errors."""
    found = load_published(suite)
    return [table for layout in found.tables for table in _tables(layout, found.sheets[layout.sheet], width)]


def _tables(layout: Layout, sheet: Sheet, width: int) -> Iterator[Table]:
    """Yields as many tables as it takes to cut no column; what is remarked stands below the last."""
    heads = ["模型\nmodel", *(column.head for column in layout.columns)]
    lines = [[model, *_cells(layout, sheet, model)] for model in sheet.values]
    parts = abreast([widest(column) for column in zip(heads, *lines, strict=True)], 1, width)
    for part in parts:
        caption = "\n".join((f"Source: {layout.source}.", *layout.remarks, "")) if part is parts[-1] else ""
        table = Table(title=layout.title, caption=caption, title_justify="left", caption_justify="left")
        table.title_style, table.box, table.padding = "bold", box.SIMPLE_HEAD, (0, 0, 0, 1)
        for place in part:
            named = not place or layout.columns[place - 1].column == LICENCE
            table.add_column(heads[place], justify="left" if named else "right", no_wrap=True)
        for line in lines:
            table.add_row(*(line[place] for place in part))
        yield table


def _cells(layout: Layout, sheet: Sheet, model: str) -> Iterator[str]:
    values, printed = sheet.values[model], sheet.printed.get(model, {})
    for one in layout.columns:
        if one.column == LICENCE:
            yield sheet.licence[model]
        elif one.minus:
            yield f"{values[one.column] - values[one.minus]:+.2f}"
        elif one.unlike:
            yield f"{values[one.column]:.2f}{'*' if values[one.column] != values[one.unlike] else ' '}"
        else:
            yield f"{values[one.column]:.2f}{'*' if one.column in printed else ''}"
