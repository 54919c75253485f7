"""The terminal, as all commands write to it: no text moves its cursor, and what it cannot show ends no work."""

import io
import os
import sys
from typing import Any, TextIO

from rich.console import Console
from rich.text import Text

from anjian.text import kept_lines


class _Console(Console):
    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(kept_lines(text), **options)

    def on_broken_pipe(self) -> None:
        silence(self.file)


def plain_console(*, stderr: bool = False, quiet: bool = False) -> Console:
    """Opens standard output or standard error to show texts as they are: brackets are no markup, colons no emoji.

    Strings that are printed move no cursor. Where nobody reads any more, as after `| head`, the work goes on.
    """
    return _Console(stderr=stderr, quiet=quiet, markup=False, emoji=False, highlight=False)


def tell(line: str) -> None:
    """Writes a line, or several, to standard error."""
    try:
        sys.stderr.write(f"{kept_lines(line)}\n")
    except BrokenPipeError:
        silence(sys.stderr)


def prepare_output() -> None:
    """Lets standard output show `?` for what its encoding lacks; standard error has escapes for it by itself."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def flush_output() -> None:
    """Writes what is left, and leaves nothing that could fail while Python ends."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        silence(sys.stdout)


def silence(stream: TextIO | Any) -> None:
    """Sends what is still written to a stream nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
