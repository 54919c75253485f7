"""`anjian suites`: what can be measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.table import Table

    from anjian.suites import Broken, Found
    from anjian.suites.base import Suite


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("suites")(list_suites)


def list_suites(
    categories: Annotated[bool, typer.Option("--categories", help="Also list areas and categories.")] = False,
    suite: Annotated[
        list[str] | None, typer.Option(help="A suite of your own to list too: FILE.toml or FILE.py:NAME; repeat.")
    ] = None,
) -> None:
    """List the suites, their tasks, where they come from and how many items they bring."""
    from rich.table import Table
    from rich.text import Text

    from anjian.console import plain_console
    from anjian.suites import Broken, Found, all_suites, distinct, find_suite
    from anjian.text import plain

    console = plain_console()
    found, broken = all_suites()
    own = distinct(map(find_suite, suite or []))
    known = {one.suite.name for one in found}
    found += [Found(one, one.file) for one in own if one.name not in known]
    table = Table()
    for head in ("suite", "version", "what it measures", "from", "bundled items"):
        table.add_column(head, overflow="fold")
    for one in found:
        items = _items(one)
        if isinstance(items, Broken):
            broken.append(items)
            continue
        cells = (one.suite.name, one.suite.version, one.suite.summary, one.where, items)
        table.add_row(*(Text(plain(cell)) for cell in cells))
    console.print(table)
    for name, where, why in broken:
        console.print(plain(f"broken: {name} of {where}: {why}"), soft_wrap=True)
    if categories:
        for names in _taxonomies([one.suite for one in found]):
            console.print(names)


def _items(found: Found) -> str | Broken:
    """How many items a suite brings for each task, or what it needs; or why its items cannot be read."""
    from collections import Counter

    from anjian.suites import Broken
    from anjian.suites.base import Source
    from anjian.text import one_line

    suite = found.suite
    if not suite.bundled:
        return f"needs --data: {suite.data}" if suite.data else "needs --items"
    try:
        counts = Counter(suite.task_of(item) for item in suite.load(Source()).items)
    except Exception as error:  # Somebody else's suite may raise anything.
        return Broken(suite.name, found.where, one_line(f"its items cannot be read: {error}"))
    return ", ".join(f"{count} {task}" for task, count in counts.items())


def _taxonomies(suites: list[Suite]) -> Iterable[Table]:
    """The areas and categories, once for suites that share them."""
    from rich.table import Table
    from rich.text import Text

    from anjian.text import plain

    sharing: dict[str, list[Suite]] = {}
    for suite in suites:
        sharing.setdefault(suite.taxonomy_of or suite.name, []).append(suite)
    for several in sharing.values():
        title = Text(plain(", ".join(suite.name for suite in several)))
        areas = several[0].taxonomy.areas
        heads = ["area"] if any(area.zh for area in areas) else []
        names = Table(*heads, "category", "English", title=title)
        for area in areas:
            for place, category in enumerate(area.categories):
                cells = ["" if place else f"{area.zh} {area.en}".strip()] if heads else []
                names.add_row(*(Text(plain(cell)) for cell in (*cells, category.zh, category.en)))
            names.add_section()
        if areas:
            yield names
