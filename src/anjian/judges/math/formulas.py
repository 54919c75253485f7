"""Compares formulas with math-verify, in a process of its own: `python -m anjian.judges.math.formulas`.

math-verify bounds its work by signals, which reach only the main thread and no computation inside C; a formula such as
9^{9^{9^9}} would hang a run. So each comparison happens in a child with a watchdog that ends it, and a new child
follows. Formulas are parsed as LaTeX by a grammar; nothing of them is evaluated as Python.
"""

import contextlib
import os
import subprocess
import sys
import threading
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

import anjian
from anjian.errors import UsageError
from anjian.installing import install

SECONDS = 5.0
"""For one comparison; the first one, which loads the library, has START_SECONDS."""
START_SECONDS = 60.0
MEMORY = 4 * 2**30
"""Bytes of address space of the child, where the platform can limit it."""


class FormulaError(Exception):
    """A comparison that did not end: out of time or of memory."""


def check_library() -> None:
    """Raises UsageError if math-verify is missing."""
    if find_spec("math_verify") is None:
        raise UsageError(f"comparing mathematical answers needs math-verify: {install('math')}")


class Comparer:
    """The child process, started when it is first needed; one comparison at a time, from any thread."""

    def __init__(self) -> None:
        """Starts nothing yet."""
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None

    def equal(self, reference: str, answer: str) -> bool:
        """True if two LaTeX formulas mean the same; blocks.

        Raises:
            FormulaError: The comparison did not end.
        """
        with self._lock:
            if self._child is None:
                self._child = _start()
            line = msgspec.json.encode((reference, answer)) + b"\n"
            said = b""
            with contextlib.suppress(OSError):
                self._to(self._child).write(line)
                self._to(self._child).flush()
                said = self._child.stdout.readline() if self._child.stdout else b""
            if said not in (b"true\n", b"false\n"):
                self.close()
                raise FormulaError
            return said == b"true\n"

    def close(self) -> None:
        """Ends the child, if there is one."""
        child, self._child = self._child, None
        if child:
            child.kill()
            child.communicate()

    @staticmethod
    def _to(child: subprocess.Popen[bytes]) -> Any:
        return child.stdin


def _start() -> subprocess.Popen[bytes]:
    # The child must find the same package, wherever this process found it.
    places = [str(Path(anjian.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    return subprocess.Popen(
        [sys.executable, "-m", "anjian.judges.math.formulas"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, places))},
    )


@lru_cache(maxsize=1)
def comparer() -> Comparer:
    """The one of this process."""
    import atexit

    shared = Comparer()
    atexit.register(shared.close)
    return shared


def compare(library: Any, reference: str, answer: str) -> bool:
    """Parses and compares with the module math_verify; what cannot be parsed equals only itself.

    Boxed first, as both sides are put into a box; no timeouts, the caller sees to that.
    """
    latex = [library.LatexExtractionConfig(boxed_match_priority=0)]
    one, two = (
        library.parse(rf"\boxed{{{text}}}", latex, extraction_mode="first_match", parsing_timeout=None)
        for text in (reference, answer)
    )
    return bool(one and two and library.verify(one, two, timeout_seconds=None))


def _serve() -> None:
    """Answers one line for each line, until the input ends."""
    import faulthandler
    import logging
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    logging.disable()
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    # The watchdog is a thread in C: it ends the process even where Python never gets control back.
    faulthandler.dump_traceback_later(START_SECONDS, exit=True, file=nowhere)
    import math_verify

    for line in sys.stdin.buffer:
        faulthandler.dump_traceback_later(SECONDS, exit=True, file=nowhere)
        try:
            same = compare(math_verify, *msgspec.json.decode(line, type=tuple[str, str]))
        except (Exception, RecursionError):
            same = False
        answers.write(b"true\n" if same else b"false\n")
        faulthandler.dump_traceback_later(24 * 3600, exit=True, file=nowhere)


if __name__ == "__main__":
    _serve()
