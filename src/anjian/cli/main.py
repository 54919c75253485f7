"""The command `anjian`: parses the command line and hands over to one module for each command.

Errors worded for users end here: one line on standard error and the exit code that they carry.
"""

import sys
from typing import Annotated

import typer

from anjian import __version__
from anjian.cli import (
    bank,
    calibrate,
    compare,
    doctor,
    enhance,
    filing,
    grow,
    imports,
    judge_sensitivity,
    label,
    leaderboard,
    models,
    new,
    published,
    suites,
)
from anjian.cli import eval as eval_
from anjian.console import flush_output, prepare_output, silence, tell
from anjian.errors import AnjianError

app = typer.Typer(
    name="anjian",
    help="评测、比较、增强中文大模型的安全性。Measure, compare and strengthen the safety of Chinese-language LLMs.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
INTERRUPTED = 130


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"anjian {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options of the command itself."""


for _command in (
    eval_,
    compare,
    calibrate,
    judge_sensitivity,
    label,
    enhance,
    filing,
    grow,
    leaderboard,
    imports,
    bank,
    suites,
    new,
    models,
    published,
    doctor,
):
    _command.add_to(app)


def run() -> None:
    """The entry point: never shows a traceback for what a user can mend."""
    prepare_output()
    try:
        code = app(standalone_mode=False)
        flush_output()
    except AnjianError as error:
        tell(f"anjian: {error}")
        code = error.exit_code
    except typer.TyperException as error:
        if shown := " ".join(error.format_message().split()).rstrip("."):
            tell(f"anjian: {shown}; `anjian --help` and `anjian COMMAND --help` explain")
        code = error.exit_code
    except OSError as error:  # Standard output is on a full disk, say.
        where = error.filename or "to standard output"
        mend = "free some space or send it elsewhere; what was answered is kept, run the same command again"
        tell(f"anjian: cannot write {where}: {error.strerror}; {mend}")
        silence(sys.stdout)
        code = 1
    if code == INTERRUPTED:
        tell("\nanjian: stopped; what was answered is kept, run the same command to go on")
    sys.exit(code)
