"""The terminal, as all commands write to it."""

from rich.console import Console


def plain_console(*, stderr: bool = False) -> Console:
    """Opens standard output or standard error to show texts as they are: brackets are no markup, colons no emoji."""
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False)
