"""Both suites against a server of which every fifth call goes wrong: nothing is lost, invented, or asked twice."""

import json
import os
import re
from collections import Counter
from itertools import dropwhile
from pathlib import Path
from typing import Any

import faults
import pytest
from aiohttp import web
from command import anjian, read_lines, risky, write_items
from fault_server import FaultServer, digest
from loopback import Call, Server, completion, serving

SEEDS = int(os.environ.get("ANJIAN_FAULT_SEEDS", "1"))
SUITES = {"chisafety": 90, "sc_safety": 40}
REASONS = {
    "bad_reply", "connection", "content_filter", "http_error", "no_answer", "rate_limit", "timeout", "too_long",
    "earlier_turn_failed", "judge_unparsed",
}  # fmt: skip
"""Why an item may stay unscored here; those of calls come with `judge_` before them, too."""
MOST_SESSIONS = 6
LOW_COVERAGE = 3


def evaluate(server: Server, folder: Path, suite: str, *more: object) -> tuple[int, str, str]:
    """One session: the exit code and what was said; nobody may see a traceback or a control character."""
    book = folder.parent / "models.toml"
    book.write_text(
        "".join(f'[{name}]\nurl = "{server.base_url}"\nmodel = "{name}"\n' for name in ("target", "judge")),
        encoding="utf-8",
    )
    done = anjian("eval", "target", "--models", book, "--suite", suite, "--limit", SUITES[suite], "--judge", "judge",
                  "--timeout", 3, "--concurrency", 16, "--out", folder, *more)  # fmt: skip
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", (done.stdout + done.stderr).replace("\r", "")), done.stderr
    assert not list(folder.glob("*.part"))
    return done.returncode, done.stdout, done.stderr


def verdicts(folder: Path) -> list[dict[str, Any]]:
    return read_lines(folder / "verdicts.jsonl")


def coverage(folder: Path) -> float:
    lines = verdicts(folder)
    return sum("unscored" not in one for one in lines) / len(lines)


def place(one: dict[str, Any]) -> tuple[Any, ...]:
    return one["id"], one.get("epoch", 0), one.get("round", 1)


def check(folder: Path, code: int, undisturbed: dict[Any, dict[str, Any]]) -> None:
    """Every item is scored, as it would be without faults, or unscored with a reason; the exit code says how many."""
    lines = verdicts(folder)
    assert [place(one) for one in lines] == list(undisturbed)
    for one in lines:
        if reason := one.get("unscored"):
            assert reason.removeprefix("judge_") in REASONS or reason in REASONS, one
        else:
            wanted = undisturbed[place(one)]
            assert (one["label"], one.get("points")) == (wanted["label"], wanted.get("points")), one
    assert code == (0 if coverage(folder) >= 0.95 else LOW_COVERAGE)
    for row in json.loads((folder / "scores.json").read_text(encoding="utf-8")):
        assert row["scored"] <= row["n"]


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("suite", SUITES)
def test_every_fifth_call_goes_wrong(suite: str, seed: int, tmp_path: Path) -> None:
    plain, faulty = FaultServer(seed, share=0), FaultServer(seed)
    with serving(plain) as server:
        assert evaluate(server, tmp_path / "plain", suite)[0] == 0
    undisturbed = {place(one): one for one in verdicts(tmp_path / "plain")}
    assert coverage(tmp_path / "plain") == 1
    folder, reached = tmp_path / "faulty", 0.0
    with serving(faulty) as server:
        for _ in range(MOST_SESSIONS):
            code, _, told = evaluate(server, folder, suite)
            check(folder, code, undisturbed)
            if code == LOW_COVERAGE:
                assert "below --min-coverage" in told.strip().splitlines()[-1]
            assert coverage(folder) >= reached
            reached = coverage(folder)
            if reached == 1:
                break
        assert reached == 1, Counter(one.get("unscored") for one in verdicts(folder))
        asked = len(faulty.log)
        assert evaluate(server, folder, suite)[0] == 0
        assert len(faulty.log) == asked, "a finished run asks nobody"
    assert not faulty.asked_again()
    assert (folder / "scores.json").read_bytes() == (tmp_path / "plain" / "scores.json").read_bytes()
    assert "<img src=x" not in (folder / "report.html").read_text(encoding="utf-8")
    assert len(faulty.met) >= 20, faulty.met


@pytest.mark.parametrize("status", [302, 403, 404])
def test_a_firewall_that_stops_half_of_all_prompts_stops_no_run(status: int, tmp_path: Path) -> None:
    """Those that it lets pass are all scored; the next run asks the others again, and none else."""

    def stopped(question: str) -> bool:
        return bool(int(digest(question)[:4], 16) % 2)

    def behave(call: Call) -> web.Response:
        blocked = web.Response(status=status, text="<h1>已被拦截</h1>", content_type="text/html")
        return blocked if stopped(call.said) else completion("抱歉，这是年龄歧视。")

    items = list(dropwhile(lambda item: stopped(item["turns"][0]), risky(60)))
    out, passing = tmp_path / "run", {item["id"] for item in items if not stopped(item["turns"][0])}
    file = write_items(tmp_path / "items.jsonl", items)
    with serving(behave) as server:
        for calls in (len(items), len(items) - len(passing)):
            server.calls.clear()
            done = anjian("eval", f"{server.base_url}#m", "--suite", "chisafety", "--items", file, "--concurrency", 1,
                          "--out", out)  # fmt: skip
            assert done.returncode == LOW_COVERAGE
            assert "does not answer" not in done.stderr
            assert len(server.calls) == calls
            unscored = {one["id"]: one["unscored"] for one in verdicts(out) if "unscored" in one}
            assert unscored == {item["id"]: "http_error" for item in items if item["id"] not in passing}


def test_there_are_faults_enough() -> None:
    assert len(faults.FAULTS) >= 45
