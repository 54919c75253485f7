import asyncio
import json
import os
import shlex
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from anjian.errors import UsageError
from anjian.items.records import Message
from anjian.models import watchdog
from anjian.models.access import Access
from anjian.models.base import CONNECTION, CallError, Request, ServerError
from anjian.models.resolve import open_model
from anjian.models.served import ServedModel

# Healthy at the third question; answers with its own arguments; spawns a helper, as real servers do.
STAND_IN = """
import json, os, subprocess, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with open("pids", "w") as file:
    file.write(f"{os.getpid()} {helper.pid}")
print("loading weights", flush=True)
asked = 0


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        global asked
        asked += 1
        self.answer(200 if self.path == "/health" and asked > 2 else 503, b"")

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if body["messages"][-1]["content"] == "die":
            helper.kill()
            os._exit(1)
        said = f"{self.path} {body['model']} {' '.join(sys.argv[1:])}"
        message = {"role": "assistant", "content": said}
        self.answer(200, json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}).encode())

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), Handler).serve_forever()
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Puts the stand-in in the place of both servers; returns the folder where it writes its process ids."""
    launcher = install(tmp_path, STAND_IN)
    monkeypatch.setenv("ANJIAN_VLLM", launcher)
    monkeypatch.setenv("ANJIAN_SGLANG", launcher)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def install(folder: Path, code: str) -> str:
    script = folder / "server.py"
    script.write_text(code, encoding="utf-8")
    return shlex.join([sys.executable, str(script)])


def request(text: str) -> Request:
    return Request((Message("user", text),))


def is_running(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    try:
        return "State:\tZ" not in status.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> bool:
    """True as soon as the condition is, False after that time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def all_ended(folder: Path) -> bool:
    pids = [int(pid) for pid in (folder / "pids").read_text().split()]
    return wait_for(lambda: not any(is_running(pid) for pid in pids))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("vllm/org/model", "serve org/model --host 127.0.0.1 --port {} --served-model-name org/model --max-len 9"),
        ("sglang/org/model", "--model-path org/model --host 127.0.0.1 --port {} --max-len 9"),
    ],
)
def test_a_server_is_started_reached_and_stopped(stand_in: Path, name: str, arguments: str) -> None:
    waits: list[float] = []

    async def run() -> str:
        log = stand_in / "server.log"
        async with ServedModel(name, Access(log=log, server_args=("--max-len", "9")), on_wait=waits.append) as model:
            assert (model.name, model.concurrency) == (name, 64)
            return (await model.complete(request("你好"))).text

    path, model, said = asyncio.run(run()).split(" ", 2)
    assert (path, model) == ("/v1/chat/completions", "org/model")
    port = said.split("--port ")[1].split()[0]
    assert said == arguments.format(port)
    assert len(waits) >= 2
    assert waits == sorted(waits)
    assert all_ended(stand_in)
    assert "loading weights" in (stand_in / "server.log").read_text()


ADAPTER = "--enable-lora --lora-modules adapter=lora --max-lora-rank"


@pytest.mark.parametrize(
    ("name", "access", "rank", "own_tokenizer", "asked", "arguments"),
    [
        ("vllm/m", Access(trust_remote_code=True), 0, False, "m", "--trust-remote-code"),
        ("sglang/m", Access(trust_remote_code=True), 0, False, "m", "--trust-remote-code"),
        ("vllm/m", Access(lora=Path("lora")), 4, False, "adapter", f"{ADAPTER} 8"),
        ("vllm/m", Access(lora=Path("lora")), 17, True, "adapter", f"{ADAPTER} 32 --tokenizer lora"),
        ("sglang/m", Access(chat_template=Path("t.jinja")), 0, False, "m", "--chat-template t.jinja"),
        ("vllm/m", Access(chat_template=Path("t.jinja"), server_args=("-q", "fp8")), 0, False, "m",
         "--chat-template t.jinja -q fp8"),
    ],
)  # fmt: skip
def test_options_reach_the_server(
    stand_in: Path, name: str, access: Access, rank: int, own_tokenizer: bool, asked: str, arguments: str
) -> None:
    (stand_in / "t.jinja").write_text("{{ messages }}")
    (stand_in / "lora").mkdir()
    (stand_in / "lora" / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": rank}))
    (stand_in / "lora" / "adapter_model.safetensors").touch()
    if own_tokenizer:
        (stand_in / "lora" / "tokenizer_config.json").touch()

    async def run() -> str:
        async with open_model(name, access) as model:
            return (await model.complete(request("你好"))).text

    _, model, said = asyncio.run(run()).split(" ", 2)
    assert model == asked
    assert said.endswith(f" {arguments}")
    assert all_ended(stand_in)


def test_it_is_stopped_after_an_exception(stand_in: Path) -> None:
    async def run() -> None:
        async with ServedModel("vllm/m", Access(log=stand_in / "log")):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(run())
    assert all_ended(stand_in)


def test_it_is_stopped_when_the_wait_is_cancelled(stand_in: Path) -> None:
    async def run() -> None:
        async with ServedModel("vllm/m", Access(log=stand_in / "log")):
            await asyncio.sleep(600)

    async def cancelled() -> None:
        (stand_in / "log").touch()
        task = asyncio.create_task(run())
        assert await asyncio.to_thread(wait_for, lambda: "loading" in (stand_in / "log").read_text())
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancelled())
    assert all_ended(stand_in)


PARENT = """
import asyncio
from pathlib import Path
from anjian.models.access import Access
from anjian.models.served import ServedModel


async def run():
    async with ServedModel("vllm/m", Access(log=Path("log"))):
        print("ready", flush=True)
        await asyncio.sleep(600)


asyncio.run(run())
"""


@pytest.mark.parametrize("killer", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_it_is_stopped_when_the_run_is_killed(stand_in: Path, killer: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as parent:
        assert parent.stdout
        assert parent.stdout.readline() == "ready\n"
        parent.send_signal(killer)
    assert all_ended(stand_in)


def failure(folder: Path, **options: float) -> str:
    async def run() -> None:
        async with ServedModel("vllm/m", Access(log=folder / "log"), start_timeout=options.get("start_timeout", 60)):
            pass

    with pytest.raises(ServerError) as caught:
        asyncio.run(run())
    return str(caught.value)


def test_an_early_death_is_told_with_the_end_of_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "print('old') or print('CUDA out of memory\\x1b[0m', flush=True) or exit(3)"
    monkeypatch.setenv("ANJIAN_VLLM", install(tmp_path, code))
    (tmp_path / "log").write_text("from an earlier run\n")
    first, *lines = failure(tmp_path).splitlines()
    assert first == f"vllm/m: the server ended before it was ready; the end of {tmp_path}/log:"
    assert lines[:2] == ["  old", "  CUDA out of memory [0m"]
    assert lines[2].endswith("ended with exit code 3")


def test_a_server_that_never_gets_healthy_is_stopped(stand_in: Path) -> None:
    (stand_in / "server.py").write_text(STAND_IN.replace("asked > 2", "False"))
    assert "no health after " in failure(stand_in, start_timeout=2)
    assert all_ended(stand_in)


def test_a_server_that_ends_midway_ends_the_run(stand_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anjian.models.http.client.TRIES", {CONNECTION: 2})

    async def run() -> None:
        async with ServedModel("vllm/m", Access(log=stand_in / "log")) as model:
            await model.complete(request("die"))

    with pytest.raises(CallError, match=r"the server ended; see .*log") as caught:
        asyncio.run(run())
    assert caught.value.fatal
    assert all_ended(stand_in)


@pytest.mark.parametrize("server", ["vllm", "sglang"])
def test_a_server_that_is_not_installed_names_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str
) -> None:
    monkeypatch.delenv(f"ANJIAN_{server.upper()}", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match=f"pip install {server}"):
        asyncio.run(ServedModel(f"{server}/m", Access(log=tmp_path / "log")).__aenter__())


@pytest.mark.parametrize("command", ["/no/such/vllm serve-me", "vllm 'unclosed"])
def test_a_wrong_launcher_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setenv("ANJIAN_VLLM", command)
    with pytest.raises(UsageError, match="ANJIAN_VLLM"):
        asyncio.run(ServedModel("vllm/m", Access(log=tmp_path / "log")).__aenter__())


def test_a_log_that_cannot_be_written_is_named(stand_in: Path) -> None:
    with pytest.raises(UsageError, match="cannot write the server's log"):
        asyncio.run(ServedModel("vllm/m", Access(log=stand_in / "no" / "log")).__aenter__())


def test_what_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    stubborn = textwrap.dedent("""
        import os, signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print(os.getpid(), flush=True)
        time.sleep(600)
    """)
    command = [sys.executable, "-I", watchdog.__file__, "0.2", sys.executable, "-c", stubborn]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as guard:
        assert guard.stdin
        assert guard.stdout
        pid = int(guard.stdout.readline())
        os.kill(guard.pid, signal.SIGTERM)
        assert is_running(pid)
        guard.stdin.close()
        assert wait_for(lambda: not is_running(pid))
