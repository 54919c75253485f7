"""`anjian published`: what the papers report."""

from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("published")(show_published)


def show_published(
    suite: Annotated[str, typer.Argument(help="The benchmark; a wrong name lists those that have some.")],
) -> None:
    """Print the published results of a benchmark, known misprints marked."""
    from anjian.console import plain_console
    from anjian.reports.published import published_tables

    console = plain_console()
    for table in published_tables(suite, console.width):
        console.print(table)
