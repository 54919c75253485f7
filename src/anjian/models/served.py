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
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import aiohttp

from anjian.errors import UsageError
from anjian.models import watchdog
from anjian.models.access import Access, adapter_config, has_tokenizer
from anjian.models.base import CONNECTION, CallError, Model, Reply, Request, ServerError
from anjian.models.http.client import HttpModel
from anjian.models.settled import headers_of
from anjian.models.spec import parse
from anjian.text import one_line

POLL_SECONDS = 0.25
STOP_SECONDS = 10.0
"""How long a server may take to end after SIGTERM, before SIGKILL."""
LOG_LINES = 8
"""Lines of the server's log that are shown when it fails."""
ADAPTER = "adapter"
"""What an adapter is called when the server is asked."""
LORA_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""Ranks that vLLM takes as the highest (`--max-lora-rank`)."""


class ServedModel:
    """A model behind a server that is launched for it; see `Model`."""

    def __init__(
        self,
        name: str,
        access: Access,
        *,
        path: str = "",
        start_timeout: float = 1800.0,
        on_wait: Callable[[float], None] | None = None,
    ) -> None:
        """Describes the model; nothing is started before `async with`.

        Args:
            name: `vllm/ID-or-path` or `sglang/ID-or-path`.
            access: How it is launched and asked; `access.log` is added to.
            path: Where its weights are, if the name does not say.
            start_timeout: Seconds until the server must be healthy: download, loading and warming up.
            on_wait: Called with the seconds waited so far, a few times a second.
        """
        self.name = name
        self.concurrency = access.concurrency or 64
        self.log = access.log
        self._access = access
        spec = parse(name)
        self._server, self._path = spec.provider, path or spec.path
        self._start_timeout = start_timeout
        self._on_wait = on_wait
        self._learned: Callable[[], dict[str, Any]] = dict
        self._waits: Callable[[], str] = str

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
            ADAPTER if self._access.lora else self._path,
            [f"{url}/v1"],
            concurrency=self.concurrency,
            timeout=self._access.timeout,
            prefilled=self._access.prefilled,
            headers=headers_of(parse(self.name), self._access),
            extra_body=self._access.extra_body,
            tell=self._access.tell,
        )
        self._learned, self._waits = self._client.about, self._client.waiting
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

    def waiting(self) -> str:
        """What the server's client waits for; see `Model.waiting`."""
        return self._waits()

    async def complete(self, request: Request) -> Reply:
        """Answers one request; see `Model.complete`."""
        try:
            return await self._client.complete(request)
        except CallError as error:
            if error.reason == CONNECTION and self._process.poll() is not None:
                raise CallError(CONNECTION, f"the server ended; see {self.log}", fatal=True) from None
            raise

    def about(self) -> dict[str, Any]:
        """How it is launched, for `run.toml`."""
        return {"server": " ".join(self._arguments("PORT")), **self._learned()}

    def _command(self, port: int) -> list[str]:
        return [*_launcher(self._server), *self._arguments(str(port))]

    def _arguments(self, port: str) -> list[str]:
        access, path = self._access, self._path
        named = ["serve", path] if self._server == "vllm" else ["--model-path", path]
        arguments = [*named, "--host", "127.0.0.1", "--port", port]
        if self._server == "vllm":
            arguments += ["--served-model-name", path]
        if access.lora:
            arguments += _with_adapter(access.lora)
        if access.trust_remote_code:
            arguments.append("--trust-remote-code")
        if access.chat_template:
            arguments += ["--chat-template", str(access.chat_template)]
        return [*arguments, *access.server_args]

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


def _with_adapter(folder: Path) -> list[str]:
    """Arguments of vLLM, which serves an adapter beside its base under a name of its own."""
    rank = int(adapter_config(folder).get("r", 8))
    arguments = ["--enable-lora", "--lora-modules", f"{ADAPTER}={folder}"]
    arguments += ["--max-lora-rank", str(next((most for most in LORA_RANKS if most >= rank), rank))]
    return [*arguments, "--tokenizer", str(folder)] if has_tokenizer(folder) else arguments


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
