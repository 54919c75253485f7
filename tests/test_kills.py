"""Commands killed at random moments and run again end with the same files, byte for byte.

`ANJIAN_KILLS` says how many kills there are, over all commands; `make stress` asks for a hundred.
"""

import asyncio
import os
import random
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from command import command, environment, write_items
from fault_server import digest, play
from loopback import Call, Server, completion, serving

KILLS = int(os.environ.get("ANJIAN_KILLS", "8"))
SEED = int(os.environ.get("ANJIAN_KILL_SEED", "1"))
AT_ONCE = 4
SHARES = {"eval": 3, "compare": 2, "grow": 2, "enhance": 1}
"""Of eight kills, how many each command gets."""
MOST_LOST = 4 * AT_ONCE
"""Calls in flight, and those of the last group commit."""
MODELS = ("target", "other", "judge", "adversary", "teacher")
RECIPE = """
[data]
examples = 40
shares = { risky = 0.5, harmless = 0.5, general = 0.0, reasoning = 0.0 }
writers = { risky = "teacher", harmless = "teacher" }
"""
JUDGED = ("--judge", "judge", "--concurrency", AT_ONCE)
COMMANDS: dict[str, tuple[object, ...]] = {
    "eval": ("eval", "target", "--suite", "sc_safety", "--limit", 30, *JUDGED, "--out", "out"),
    "compare": ("compare", "target", "other", "--suite", "sc_safety", "--suite", "chisafety", "--limit", 12, *JUDGED,
                "--out", "out"),
    "grow": ("grow", "--seeds", "seeds.jsonl", "--targets", "target", "--targets", "other", "--adversary", "adversary",
             "--rewrites", 2, *JUDGED, "--out", "new.jsonl"),
    "enhance": ("enhance", "tiny/distill", "--stage", "data", "--recipe", "recipe.toml", "--teacher", "teacher",
                *JUDGED, "--out", "out"),
}  # fmt: skip


async def steadily(call: Call) -> web.Response:
    await asyncio.sleep(int(digest(call.said)[:4], 16) / 0xFFFF * 0.04)
    return completion(play(call.body))


def characters(number: int) -> str:
    """Thirty Chinese characters, others for each number."""
    return "".join(chr(0x4E00 + int(digest(f"{number} {place}")[:6], 16) % 5000) for place in range(30))


def seeds(number: int) -> list[dict[str, Any]]:
    return [
        {"id": f"s{one}", "suite": "sc_safety", "category": "目标劫持", "turns": [characters(one), "再说详细些。"]}
        for one in range(number)
    ]


def prepared(folder: Path, server: Server) -> Path:
    folder.mkdir()
    tables = (f'[{name}]\nurl = "{server.base_url}"\nmodel = "{name}"\n' for name in MODELS)
    (folder / "models.toml").write_text("".join(tables), encoding="utf-8")
    (folder / "recipe.toml").write_text(RECIPE, encoding="utf-8")
    write_items(folder / "seeds.jsonl", seeds(24))
    return folder


def start(verb: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(*COMMANDS[verb]), cwd=folder, env=environment(), stdout=-3, stderr=subprocess.PIPE, text=True
    )


def ended(process: subprocess.Popen[str]) -> None:
    """A command that was left alone ended well."""
    told = process.communicate()[1]
    assert process.returncode == 0, told
    assert "Traceback" not in told


def results(folder: Path) -> dict[str, bytes]:
    files = (path for path in sorted(folder.rglob("*.json*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def stored(folder: Path, copy: Path) -> int:
    """Calls in the ledgers of a folder, counted in copies: to open the files themselves would mend them."""
    found = 0
    for number, path in enumerate(sorted(folder.rglob("ledger.sqlite"))):
        place = copy / str(number) / path.name
        shutil.rmtree(place.parent, ignore_errors=True)
        place.parent.mkdir(parents=True)
        for part in path.parent.glob(f"{path.name}*"):
            shutil.copy(part, place.parent)
        with closing(sqlite3.connect(place)) as ledger:
            if ledger.execute("SELECT 1 FROM sqlite_master WHERE name = 'calls'").fetchone():
                found += ledger.execute("SELECT count(*) FROM calls").fetchone()[0]
    return found


def moments(whole: float) -> Iterator[float | None]:
    """How long a process is left alone, in seconds; None means until its first call."""
    drawn = random.Random(SEED)
    for number in count():
        yield None if number % 4 == 3 else drawn.uniform(0, whole)


def killed(process: subprocess.Popen[str], moment: float | None, server: Server) -> bool:
    """Kills a process after a while; False if it had ended by then."""
    try:
        if moment is None:
            server.wait_for(len(server.calls) + 1, process)
        else:
            process.wait(moment)
        process.kill()
    except subprocess.TimeoutExpired:
        process.kill()
    process.wait()
    return process.returncode < 0


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("verb", COMMANDS)
def test_killed_at_any_moment_and_run_again_it_ends_the_same(verb: str, tmp_path: Path) -> None:
    with serving(steadily) as server:
        begin = time.monotonic()
        ended(start(verb, prepared(tmp_path / "whole", server)))
        waits = moments(time.monotonic() - begin)
        whole = results(tmp_path / "whole")
        assert len(server.calls) > 100
        assert len(server.bodies) == len(set(server.bodies)), "no call is made twice"
        kills, wanted = 0, -(-KILLS * SHARES[verb] // 8)
        for trial in count():
            folder = prepared(tmp_path / f"cut {trial}", server)
            server.calls.clear()
            while kills < wanted:
                process = start(verb, folder)
                if not killed(process, next(waits), server):
                    ended(process)
                    break
                kills += 1
                lost = len(set(server.bodies)) - stored(folder, tmp_path / "copy")
                assert lost <= MOST_LOST
            else:
                ended(start(verb, folder))
            assert results(folder) == whole
            if kills >= wanted:
                return
