"""Launched servers: `vllm/ID-or-path` and `sglang/ID-or-path`.

The server runs on this machine for as long as it is needed: it is started, waited for, asked over HTTP and stopped at
the end, also after an error, after Ctrl-C, and when this process is killed (see `watchdog`). ANJIAN_VLLM and
ANJIAN_SGLANG replace the launcher by another command line, such as `/opt/vllm/bin/vllm`.
"""

import asyncio
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

import aiohttp

from anjian.errors import UsageError
from anjian.models import watchdog
from anjian.models.base import CONNECTION, CallError, Model, Reply, Request, ServerError
from anjian.models.http import HttpModel
from anjian.text import one_line

POLL_SECONDS = 0.25
STOP_SECONDS = 10.0
"""How long a server may take to end after SIGTERM, before SIGKILL."""
LOG_LINES = 8
"""Lines of the server's log that are shown when it fails."""


class ServedModel:
    """A model behind a server that is launched for it; see `Model`."""

    def __init__(
        self,
        name: str,
        *,
        log: Path,
        server_args: Sequence[str] = (),
        concurrency: int = 64,
        timeout: float = 600.0,
        prefilled: bool = False,
        start_timeout: float = 1800.0,
        on_wait: Callable[[float], None] | None = None,
    ) -> None:
        """Describes the model; nothing is started before `async with`.

        Args:
            name: `vllm/ID-or-path` or `sglang/ID-or-path`.
            log: Where the server's output goes; added to what is there.
            server_args: Further arguments of the server.
            concurrency: Most requests in flight.
            timeout: Seconds for one attempt, the whole reply included.
            prefilled: True if the template opens the thinking and the server returns the reply without the opening tag.
            start_timeout: Seconds until the server must be healthy: download, loading and warming up.
            on_wait: Called with the seconds waited so far, a few times a second.
        """
        self.name = name
        self.concurrency = concurrency
        self.log = log
        self._server, _, self._model = name.partition("/")
        self._server_args = tuple(server_args)
        self._start_timeout = start_timeout
        self._on_wait = on_wait
        self._timeout = timeout
        self._prefilled = prefilled

    async def __aenter__(self) -> Model:
        """Starts the server and waits until it is healthy.

        Raises:
            UsageError: It is not installed, or its log cannot be written.
            ServerError: It ended early or took too long; its last words are in the message.
        """
        port = _free_port()
        self._process = self._start(self._command(port))
        url = f"http://127.0.0.1:{port}"
        self._client = HttpModel(
            self.name,
            self._model,
            [f"{url}/v1"],
            concurrency=self.concurrency,
            timeout=self._timeout,
            prefilled=self._prefilled,
        )
        try:
            await self._until_healthy(f"{url}/health")
            await self._client.__aenter__()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Stops the server, whatever happened."""
        try:
            await self._client.__aexit__(*exc)
        finally:
            await self._stop()

    async def complete(self, request: Request) -> Reply:
        """Answers one request; see `Model.complete`."""
        try:
            return await self._client.complete(request)
        except CallError as error:
            if error.reason == CONNECTION and self._process.poll() is not None:
                raise CallError(CONNECTION, f"the server ended; see {self.log}", fatal=True) from None
            raise

    def _command(self, port: int) -> list[str]:
        launcher = _launcher(self._server)
        address = ["--host", "127.0.0.1", "--port", str(port)]
        if self._server == "vllm":
            named = ["--served-model-name", self._model]
            return [*launcher, "serve", self._model, *address, *named, *self._server_args]
        return [*launcher, "--model-path", self._model, *address, *self._server_args]

    def _start(self, command: list[str]) -> "subprocess.Popen[bytes]":
        # -I: the folder of the script holds an http.py that would hide the standard library's.
        guarded = [sys.executable, "-I", watchdog.__file__, str(STOP_SECONDS), *command]
        try:
            with self.log.open("ab") as log:
                self._log_start = log.tell()
                return subprocess.Popen(guarded, stdin=subprocess.PIPE, stdout=log, stderr=log)  # noqa: S603
        except OSError as error:
            raise UsageError(f"cannot write the server's log {self.log}: {error.strerror}") from None

    async def _until_healthy(self, url: str) -> None:
        started = time.monotonic()
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            while not await _is_healthy(session, url):
                waited = time.monotonic() - started
                if self._process.poll() is not None:
                    raise ServerError(f"{self.name}: the server ended before it was ready{self._last_words()}")
                if waited > self._start_timeout:
                    raise ServerError(f"{self.name}: no health after {waited:.0f} s{self._last_words()}")
                if self._on_wait:
                    self._on_wait(waited)
                await asyncio.sleep(POLL_SECONDS)

    async def _stop(self) -> None:
        process = self._process
        if process.stdin:
            process.stdin.close()
        try:
            await asyncio.to_thread(process.wait, STOP_SECONDS + 5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _last_words(self) -> str:
        text = self.log.read_bytes()[self._log_start :].decode(errors="replace")
        lines = [one_line(line) for line in text.splitlines() if line.strip()][-LOG_LINES:]
        return "\n  ".join([f"; the end of {self.log}:", *lines]) if lines else f"; {self.log} is empty"


def _launcher(server: str) -> list[str]:
    variable = f"ANJIAN_{server.upper()}"
    if command := os.environ.get(variable, "").strip():
        try:
            launcher = shlex.split(command)
        except ValueError as error:
            raise UsageError(f"{variable} is not a command line: {error}") from None
        if shutil.which(launcher[0]) is None:
            raise UsageError(f"{variable} names {launcher[0]}, which is no program")
        return launcher
    if server == "sglang":
        if find_spec("sglang"):
            return [sys.executable, "-m", "sglang.launch_server"]
    elif found := shutil.which("vllm", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"):
        return [found]
    raise UsageError(f"{server} is not installed: pip install {server}, or set {variable} to its command line")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def _is_healthy(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as response:
            return response.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False
