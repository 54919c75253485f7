"""`anjian suites`: what can be measured."""

from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("suites")(list_suites)


def list_suites(
    categories: Annotated[bool, typer.Option("--categories", help="Also list areas and categories.")] = False,
) -> None:
    """List the suites, their tasks and the size of the bundled bank."""
    from collections import Counter

    from rich.console import Console
    from rich.table import Table

    from anjian.reports.names import TAXONOMIES, taxonomy_of
    from anjian.suites import SUITES
    from anjian.suites.base import Source

    console = Console()
    table = Table("suite", "version", "what it measures", "bundled items")
    for suite in SUITES.values():
        counts = Counter(suite.task_of(item) for item in suite.load(Source()).items)
        sizes = ", ".join(f"{count} {task}" for task, count in counts.items())
        table.add_row(suite.name, suite.version, suite.title, sizes)
    console.print(table)
    if not categories:
        return
    for name in dict.fromkeys(TAXONOMIES.get(name, name) for name in SUITES):
        taxonomy = taxonomy_of(name)
        if taxonomy is None:
            continue
        sharing = [suite for suite in SUITES if TAXONOMIES.get(suite, suite) == name]
        names = Table("area", "category", "English", title=", ".join(sharing))
        for area in taxonomy.areas:
            for place, category in enumerate(area.categories):
                names.add_row("" if place else f"{area.zh} {area.en}", category.zh, category.en)
            names.add_section()
        console.print(names)
