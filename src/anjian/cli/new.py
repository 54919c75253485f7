"""`anjian new suite`: a benchmark of the user's own to begin with, which runs as it is."""

from pathlib import Path
from typing import Annotated

import typer

new = typer.Typer(no_args_is_help=True, help="Begin a benchmark of your own.")
FILES = ("suite.toml", "items.jsonl", "rubric.md", "README.md")
CALLED = "my_bench"
"""What the starter is called; each file of it names it so."""


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    app.add_typer(new, name="new")


@new.command("suite")
def write_suite(
    name: Annotated[str, typer.Argument(help="Its name: letters, digits and _, such as my_bench.")],
    out: Annotated[Path | None, typer.Option(help="Where the folder NAME is made. Default: here.")] = None,
) -> None:
    """Write a folder with a benchmark of your own: items, a rubric, tasks, and a note on what to change."""
    from importlib.resources import files
    from shlex import quote

    from anjian.errors import UsageError
    from anjian.files import writing
    from anjian.suites import bundled_names

    if not name.isidentifier():
        raise UsageError(f"{name!r} is no name for a suite; use letters, digits and _, such as {CALLED}")
    if name in bundled_names():
        raise UsageError(f"a suite called {name!r} comes with anjian; choose another name")
    folder = (out or Path()) / name
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is there already; choose another name or another --out")
    starter = files("anjian.cli").joinpath("starters", "suite")
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for file in FILES:
            text = starter.joinpath(file).read_text(encoding="utf-8").replace(CALLED, name)
            (folder / file).write_text(text, encoding="utf-8")
    suite, run = quote(str(folder / "suite.toml")), quote(f"runs/{name}")
    for line in (
        f"{folder}: {', '.join(FILES)}",
        "run it (open questions stay unscored without a model as judge):",
        f"    anjian eval tiny/distill --suite {suite} --out {run}",
        "then, with a model that judges by rubric.md:",
        f"    anjian eval tiny/distill --suite {suite} --out {run} --judge MODEL",
    ):
        typer.echo(line)
