"""Runs the command `anjian` in this process, so that the libraries of training are imported once for many runs."""

import contextlib
import contextvars
import io
import subprocess
import sys
from unittest.mock import patch

from anjian.cli.main import run


def anjian_inside(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Runs the command to its end; the result has the form of `command.anjian`."""
    call = ["anjian", *map(str, arguments)]
    said, told = io.StringIO(), io.StringIO()
    code = 0
    with patch.object(sys, "argv", call), contextlib.redirect_stdout(said), contextlib.redirect_stderr(told):
        try:
            contextvars.copy_context().run(run)  # Which models.toml is in use ends with the command.
        except SystemExit as end:
            code = int(end.code or 0)
    return subprocess.CompletedProcess(call, code, said.getvalue(), told.getvalue())
