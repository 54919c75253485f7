"""The command on terminals that cannot print a character, that are full, or that nobody reads."""

import contextlib
import fcntl
import os
import pty
import re
import shlex
import struct
import subprocess
import termios
from pathlib import Path

import pytest
from aiohttp import web
from command import anjian, command, environment, risky, scores, write_items
from hypothesis import given
from hypothesis import strategies as st
from loopback import Call, completion, failure, serving
from rich.cells import cell_len
from rich.text import Text

from anjian.console import plain_console
from anjian.runs.progress import RunProgress
from anjian.text import one_line

REFUSAL = "抱歉，这个要求我不能答应。"
SHOWING = [
    ("suites", "--categories"),
    ("models",),
    ("published", "chisafety"),
    ("doctor",),
    ("--help",),
    ("--version",),
]


@pytest.mark.parametrize("arguments", SHOWING, ids=lambda arguments: arguments[0])
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "gbk", "cp1252:strict"])
def test_what_a_console_cannot_print_is_a_question_mark(arguments: tuple[str, ...], encoding: str) -> None:
    done = subprocess.run(
        command(*arguments), capture_output=True, env=environment({"PYTHONIOENCODING": encoding}), check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    text = done.stdout.decode(encoding.partition(":")[0])
    assert ("?" in text) == (arguments[0] in ("suites", "published", "--help") and encoding != "gbk")


def test_errors_reach_every_console() -> None:
    done = anjian("eval", "模型\x1b[2J\udcff", "--suite", "chisafety", env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 2
    assert "\\u6a21\\u578b" in done.stderr
    assert "Traceback" not in done.stderr and "\x1b" not in done.stderr


def closed_pipe() -> int:
    """Something to write to that nobody reads any more."""
    reading, writing = os.pipe()
    os.close(reading)
    return writing


@pytest.mark.parametrize("arguments", SHOWING, ids=lambda arguments: arguments[0])
def test_nobody_reads_standard_output(arguments: tuple[str, ...]) -> None:
    pipe = closed_pipe()
    done = subprocess.run(command(*arguments), stdout=pipe, stderr=subprocess.PIPE, env=environment(), check=False)
    os.close(pipe)
    assert done.stderr == b""


@pytest.mark.parametrize("terminal", [False, True])
def test_a_run_goes_on_where_nobody_reads(terminal: bool, tmp_path: Path) -> None:
    file, out, pipe = write_items(tmp_path / "i.jsonl", risky(3)), tmp_path / "run", closed_pipe()
    with serving(lambda call: completion(REFUSAL)) as server:
        call = command("eval", f"{server.base_url}#m", "--suite", "chisafety", "--items", file, "--out", out)
        env = environment({"FORCE_COLOR": "1"} if terminal else {})
        done = subprocess.run(call, stdout=pipe, stderr=pipe, env=env, check=False)
    os.close(pipe)
    assert done.returncode == 0
    assert scores(out)["rr1", "overall"]["n"] == 3


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
def test_standard_output_on_a_full_disk_is_one_line() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            command("suites"), stdout=full, stderr=subprocess.PIPE, text=True, env=environment(), check=False
        )
    assert done.returncode == 1
    assert done.stderr.startswith("anjian: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
def test_a_run_is_done_where_its_lines_find_no_room(tmp_path: Path) -> None:
    file, out = write_items(tmp_path / "i.jsonl", risky(3)), tmp_path / "run"
    with serving(lambda call: completion(REFUSAL)) as server, Path("/dev/full").open("wb") as full:
        call = command("eval", f"{server.base_url}#m", "--suite", "chisafety", "--items", file, "--out", out)
        told = subprocess.run(call, stdout=subprocess.PIPE, stderr=full, env=environment(), text=True, check=False)
        shown = subprocess.run(call, stdout=full, stderr=subprocess.PIPE, env=environment(), text=True, check=False)
        wrong = subprocess.run([*call, "--limit", "x"], stderr=full, env=environment(), check=False)
    assert told.returncode == 0
    assert "scored 3 of 3 replies" in told.stdout
    assert scores(out)["rr1", "overall"]["n"] == 3
    assert shown.returncode == 1
    assert "cannot write to standard output: No space left on device; free some space" in shown.stderr
    assert "Traceback" not in shown.stderr
    assert wrong.returncode == 2


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_ends_no_work(closed: str, tmp_path: Path) -> None:
    file, out = write_items(tmp_path / "i.jsonl", risky(3)), tmp_path / "run"
    with serving(lambda call: completion(REFUSAL)) as server:
        call = command("eval", f"{server.base_url}#m", "--suite", "chisafety", "--items", file, "--out", out)
        done = subprocess.run(f"{shlex.join(call)} {closed}", shell=True, capture_output=True, env=environment())
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr
    assert scores(out)["rr1", "overall"]["n"] == 3
    assert (out / "report.html").exists()


def seen_on_a_terminal(call: list[str], width: int) -> tuple[str, int]:
    """What a command writes on a terminal of that width, and its exit code."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    env = environment({"TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"})
    del env["COLUMNS"]
    process = subprocess.Popen(call, stdin=its, stdout=its, stderr=its, env=env)
    os.close(its)
    parts = []
    with contextlib.suppress(OSError):  # So a terminal ends whose last writer is gone.
        while part := os.read(ours, 65536):
            parts.append(part)
    os.close(ours)
    return b"".join(parts).decode(), process.wait()


@pytest.mark.parametrize("width", [80, 60, 200])
def test_the_line_of_progress_says_who_waits_and_fits(width: int, tmp_path: Path) -> None:
    def busy(call: Call) -> web.Response:
        return failure(429, "slow down", {"Retry-After": "2"}) if call.number < 3 else completion(REFUSAL)

    file = write_items(tmp_path / "i.jsonl", risky(3))
    with serving(busy) as server:
        call = command(
            "eval", f"{server.base_url}#m", "--suite", "chisafety", "--items", file, "--out", tmp_path / "run"
        )
        text, code = seen_on_a_terminal(call, width)
    assert code == 0
    lines = [Text.from_ansi(line).plain.rstrip() for line in re.split(r"[\r\n]+", text) if "dialogues" in line]
    assert any("0/3 dialogues, waiting: 429" in line for line in lines), text
    assert all(cell_len(line) <= min(width, 80) for line in lines)
    assert re.match(r"3/3 dialogues, took \d s, ", lines[-1])


@given(st.text(), st.text(), st.integers(0, 10**12), st.integers(0, 10**15), st.integers(1, 10**9))
def test_the_line_of_progress_fits_whatever_is_said(
    waiting: str, spent: str, total: int, tokens: int, failed: int
) -> None:
    progress = RunProgress(total, plain_console(stderr=True, quiet=True), lambda: spent, lambda: waiting)
    for fresh in (False, True):
        assert progress.state().startswith(f"{progress.done}/{total} dialogues")
        assert cell_len(progress.state()) <= 80
        assert one_line(waiting, 50) in progress.state()
        progress.add(failed, tokens, fresh)


def test_a_judge_that_waits_is_named(tmp_path: Path) -> None:
    def busy(call: Call) -> web.Response:
        return failure(429, "slow down", {"Retry-After": "2"}) if call.number < 1 else completion("[答案] 直接拒绝")

    file = write_items(tmp_path / "i.jsonl", risky(1))
    with serving(lambda call: completion(REFUSAL)) as server, serving(busy) as other:
        more = ("--items", file, "--out", tmp_path / "run", "--judge", f"{other.base_url}#team/strict-judge")
        text, code = seen_on_a_terminal(command("eval", f"{server.base_url}#m", "--suite", "chisafety", *more), 80)
    assert code in (0, 3)
    assert "0/1 dialogues, strict-judge waiting: 429" in text


def test_a_run_that_answers_nothing_shows_why_and_no_dashes(tmp_path: Path) -> None:
    words = "服务器繁忙 overloaded, try again \x1b[31m\u202e" + "later " * 20
    file = write_items(tmp_path / "i.jsonl", risky(4))
    with serving(lambda call: failure(400, words)) as server:
        done = anjian(
            "eval", f"{server.base_url}#m", "--suite", "chisafety", "--items", file, "--out", tmp_path / "run"
        )
    assert done.returncode == 3
    assert "–" not in done.stdout
    [line] = [line for line in done.stdout.splitlines() if "服务器报错" in line]
    assert line.split()[:2] == ["4", "服务器报错"] and "HTTP error" in done.stdout
    assert "HTTP 400: 服务器繁忙 overloaded" in line and line.rstrip().endswith("…")
    assert all(cell_len(line.rstrip()) <= 80 for line in done.stdout.splitlines() if "report: " not in line)
    assert "\x1b" not in done.stdout + done.stderr and "\u202e" not in done.stdout + done.stderr
    assert done.stderr.splitlines()[-1].startswith(
        "anjian: coverage 0.0% is below --min-coverage 0.95: unscored are 4 of 4"
    )


def test_reasons_follow_the_tables_of_scores(tmp_path: Path) -> None:
    file, out = write_items(tmp_path / "i.jsonl", risky(9)), tmp_path / "run"
    with serving(lambda call: failure(400, "no") if "第4份" in call.said else completion(REFUSAL)) as server:
        more = ("--items", file, "--out", out, "--min-coverage", 0)
        done = anjian("eval", f"{server.base_url}#m", "--suite", "chisafety", *more)
    assert done.returncode == 0
    assert done.stdout.index("RR-1") < done.stdout.index("why replies are unscored") < done.stdout.index("服务器报错")
