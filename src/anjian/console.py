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
    sys.stderr.write(f"{kept_lines(line)}\n")


class _Told(io.TextIOWrapper):
    """Standard error: what nobody can read, as on a full disk, ends no work."""

    def write(self, text: str, /) -> int:
        try:
            return super().write(text)
        except OSError:
            silence(self)
            return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError:
            silence(self)


def prepare_output() -> None:
    """Lets standard output show `?` for what its encoding lacks, and work go on where standard error takes nothing.

    Where a standard stream is closed, nowhere is opened in its place, so that no other file gets its number.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(nowhere, True)
            setattr(sys, name, open(nowhere, mode, encoding="utf-8", errors="replace", closefd=False))  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    if isinstance(sys.stderr, io.TextIOWrapper):
        encoding = sys.stderr.encoding
        sys.stderr = _Told(sys.stderr.detach(), encoding, "backslashreplace", line_buffering=True)


def flush_output() -> None:
    """Writes what is left, and leaves nothing that could fail while Python ends."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        silence(sys.stdout)


def silence(stream: TextIO | Any) -> None:
    """Sends what is still written to a stream nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
