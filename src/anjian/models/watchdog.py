"""Runs a command, and ends it with all that it started once standard input closes.

The kernel closes a pipe however the process at its other end dies, kill -9 included, so that no launched server
outlives the run that needs it. Run as a script that imports nothing of this package:

    python watchdog.py GRACE_SECONDS COMMAND …
"""

import contextlib
import os
import select
import signal
import subprocess
import sys

POLL_SECONDS = 0.2


def main(grace: float, command: list[str]) -> None:
    """Runs the command in a session of its own, away from Ctrl-C; never returns.

    After the end of the pipe the whole group gets SIGTERM, and SIGKILL once the command has ended or `grace` seconds
    have passed.
    """
    os.setsid()
    # A handler, not SIG_IGN: the command would inherit that.
    signal.signal(signal.SIGTERM, lambda *_: None)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603
    while child.poll() is None and not select.select([0], [], [], POLL_SECONDS)[0]:
        pass
    if child.returncode is None:
        os.killpg(0, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(grace)
    else:
        os.write(1, f"{command[0]} ended with exit code {child.returncode}\n".encode())
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main(float(sys.argv[1]), sys.argv[2:])
