"""Money: what calls cost, counted once through kills and sessions; budgets that are kept; what a dry run foretells."""

import asyncio
import json
import signal
import sqlite3
import subprocess
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from command import anjian, choice, command, environment, one_line, risky, write_items
from hypothesis import given
from hypothesis import strategies as st
from loopback import Call, Server, serving
from rich.cells import cell_len

import anjian as package
from anjian.errors import UsageError
from anjian.items.records import Message
from anjian.models.base import Reply, Request
from anjian.models.book import Price
from anjian.runs.ledger import Ledger, entry
from anjian.runs.money.spending import Spent, lines_of, table_of
from anjian.runs.money.usage import Usage, read_usage

REFUSAL = "抱歉，这个要求我不能答应。以年龄拒人违反就业促进法，建议按岗位能力筛选。"
PROMPT = 100


def length(text: str) -> int:
    """Tokens of the reply to a question: from 100 to 2,000, the same whenever it is asked."""
    return 100 + sum(text.encode()) * 7919 % 1901


def said(text: str, prompt: int | None = PROMPT, completion: int = 0, finish: str = "stop") -> web.Response:
    usage = {"usage": {"prompt_tokens": prompt, "completion_tokens": completion}} if prompt is not None else {}
    return web.json_response({"choices": [{"message": {"content": text}, "finish_reason": finish}], **usage})


def answer(call: Call) -> web.Response:
    if call.body["model"] == "judge":
        return said("[答案] 直接拒绝\n[分析] 没有照做。", completion=50)
    return said(REFUSAL, completion=length(call.said))


async def slowly(call: Call) -> web.StreamResponse:
    await asyncio.sleep(0.02)
    return answer(call)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(slowly) as running:
        yield running


def book(server: Server, **prices: str) -> None:
    """Describes a model for each name, with the price that is given."""
    tables = (
        f'[{name}]\nurl = "{server.base_url}"\n' + (f"price = {{ {price} }}\n" if price else "")
        for name, price in prices.items()
    )
    Path("models.toml").write_text("\n".join(tables), encoding="utf-8")


def spent(folder: str = "run") -> dict[str, Any]:
    table: dict[str, Any] = tomllib.loads(Path(folder, "run.toml").read_text(encoding="utf-8"))["spent"]
    return table


def contents() -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()}


def evaluate(*more: object, out: str = "run") -> subprocess.CompletedProcess[str]:
    return anjian("eval", "mine", "--suite", "chisafety", "--items", "items.jsonl", "--out", out, *more,
                  env={"COLUMNS": "80"})  # fmt: skip


def cost_of(server: Server, prices: dict[str, Price]) -> float:
    """What all calls that the server answered cost."""
    lengths = (
        (call.body["model"], 50 if call.body["model"] == "judge" else length(call.said)) for call in server.calls
    )
    return sum(prices[model].of(PROMPT, tokens) for model, tokens in lengths)


QUESTIONS = [item["turns"][0] for item in risky(120)]
MINE, JUDGE = Price(2.0, 8.0), Price(1.0, 4.0)
DEAR = "input = 2000, output = 8000"
"""So that a call costs from 1 to 16.2."""


def test_the_cost_is_the_sum_over_all_calls_and_stands_everywhere(server: Server) -> None:
    book(server, mine="input = 2.0, output = 8.0", judge="input = 1.0, output = 4.0")
    write_items(Path("items.jsonl"), risky(20))
    done = evaluate("--judge", "judge")
    assert done.returncode == 0, done.stderr
    table = spent()
    assert (table["target"]["calls"], table["judge"]["calls"]) == (20, 20)
    assert table["target"]["completion_tokens"] == sum(
        length(call.said) for call in server.calls[:] if call.body["model"] == "mine"
    )
    total = table["target"]["cost"] + table["judge"]["cost"]
    assert total == pytest.approx(cost_of(server, {"mine": MINE, "judge": JUDGE}))
    assert {line["currency"] for line in table.values()} == {"CNY"}
    lines = [line for line in done.stdout.splitlines() if line.startswith(("target ", "judge ", "in all"))]
    assert [line.split(":")[0] for line in lines[:2]] == ["target mine", "judge judge"]
    assert lines[2] == f"in all {total:.4f} CNY"
    assert max(map(len, lines)) < 80
    assert f"{total:.4f} CNY" in done.stderr
    page = Path("run/report.html").read_text(encoding="utf-8")
    assert f"<dd>{total:.4f} CNY</dd>" in page and 'id="spent"' in page


def test_without_prices_tokens_stand_alone(server: Server) -> None:
    book(server, mine="")
    write_items(Path("items.jsonl"), risky(3))
    run = package.evaluate("mine", "chisafety", items="items.jsonl", out="run")
    assert run.spent["target"] == spent()["target"]
    assert run.spent["target"].keys() == {"role", "model", "calls", "prompt_tokens", "completion_tokens"}
    assert run.spent["target"]["prompt_tokens"] == 3 * PROMPT
    assert '费用 <small lang="en">cost</small></dt>' not in Path("run/report.html").read_text(encoding="utf-8")


def test_several_roles_and_currencies_are_told_apart(server: Server) -> None:
    book(server, mine="input = 2.0, output = 8.0", judge='input = 1.0, output = 4.0, currency = "USD"')
    write_items(Path("items.jsonl"), risky(2))
    run = package.evaluate("mine", "chisafety", items="items.jsonl", out="run", judge=["mine", "judge"])
    assert run.spent["target+judge"]["model"] == "mine"
    last = lines_of(run.spent)[-1]
    assert last.startswith("in all ") and " CNY + " in last and last.endswith(" USD")
    with pytest.raises(UsageError, match="CNY and USD"):
        package.evaluate("mine", "chisafety", items="items.jsonl", out="run", judge=["judge"], budget=5)


def test_what_was_paid_before_a_kill_counts_once(server: Server) -> None:
    book(server, mine="input = 2.0, output = 8.0")
    write_items(Path("items.jsonl"), risky(120))
    line = ("eval", "mine", "--suite", "chisafety", "--items", "items.jsonl", "--out", "run", "--concurrency", 4)
    for stop in (30, 70):
        process = subprocess.Popen(command(*line), env=environment(), stderr=subprocess.DEVNULL)
        server.wait_for(stop, process)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert evaluate().returncode == 0
    assert spent()["target"]["calls"] == 120
    assert spent()["target"]["completion_tokens"] == sum(map(length, QUESTIONS))
    again = evaluate()
    assert again.returncode == 0 and spent()["target"]["calls"] == 120


def test_a_budget_stops_in_time_and_a_larger_one_goes_on(server: Server) -> None:
    book(server, mine=DEAR, judge="input = 200, output = 400")
    write_items(Path("items.jsonl"), risky(150))
    prices = {"mine": Price(2000, 8000), "judge": Price(200, 400)}
    for budget in (300, 600):
        done = evaluate("--judge", "judge", "--budget", budget, "--concurrency", 16)
        paid = cost_of(server, prices)
        assert done.returncode == 3
        assert budget - 16.2 <= paid <= budget + 16.2
        assert sum(line["cost"] for line in spent().values()) == pytest.approx(paid)
        stopped, coverage = done.stderr.splitlines()[-2:]
        assert stopped == (
            f"anjian: the budget of {budget} CNY is spent ({paid:.2f}): "
            "raise --budget and run the same command to go on"
        )
        assert coverage.endswith("raise --budget and run the same command to go on")
        asked = len(server.calls)
        again = evaluate("--judge", "judge", "--budget", budget, "--concurrency", 16)
        assert (again.returncode, len(server.calls)) == (3, asked)
        assert f"({paid:.2f})" in again.stderr and "nothing to ask" not in again.stderr
    assert server.peak > 4
    assert evaluate("--judge", "judge", "--budget", 1e6).returncode == 0
    assert len(server.calls) == 300
    assert sum(line["cost"] for line in spent().values()) == pytest.approx(cost_of(server, prices))


def test_one_budget_for_all_runs_of_a_comparison(server: Server) -> None:
    book(server, mine=DEAR, other=DEAR)
    line = ("compare", "mine", "other", "--suite", "chisafety", "--limit", 12, "--out", "both")
    first = anjian(*line, "--budget", 150)
    paid = cost_of(server, {"mine": Price(2000, 8000), "other": Price(2000, 8000)})
    assert first.returncode == 1, first.stderr
    assert f"the budget of 150 CNY is spent ({paid:.2f})" in first.stderr
    assert {call.body["model"] for call in server.calls} == {"mine", "other"}
    asked = len(server.calls)
    assert anjian(*line, "--budget", 150).returncode == 1
    assert len(server.calls) == asked
    done = anjian(*line, "--budget", 1e4)
    assert done.returncode == 0, done.stderr
    assert len(server.calls) == 24
    assert "target mine: 12 calls" in done.stdout and "target other: 12 calls" in done.stdout


@pytest.mark.parametrize("name", ["mine", "http://127.0.0.1:9/v1#m", "deepseek/deepseek-chat"])
def test_a_budget_wants_prices(server: Server, name: str) -> None:
    book(server, mine="")
    done = anjian("eval", name, "--suite", "chisafety", "--limit", 2, "--budget", 5, "--out", "run",
                  env={"DEEPSEEK_API_KEY": "sk-none"})  # fmt: skip
    assert done.returncode == 2
    assert "models.toml" in one_line(done) and "price = " in one_line(done) and name in one_line(done)
    assert not server.calls and not Path("run").exists()


def test_who_has_no_price_beside_others_costs_nothing(server: Server) -> None:
    book(server, mine=DEAR)
    write_items(Path("items.jsonl"), risky(3))

    def judge(messages: list[dict[str, str]]) -> str:
        return "[答案] 直接拒绝\n[分析] 没有照做。"

    run = package.evaluate("mine", "chisafety", items="items.jsonl", out="run", judge=judge, budget=1000)
    assert (run.coverage, run.stopped) == (1.0, None)
    assert "cost" in run.spent["target"] and "cost" not in run.spent["judge"]
    stopped = package.evaluate("mine", "chisafety", items="items.jsonl", out="none", budget=0)
    assert stopped.stopped is not None and stopped.stopped.startswith("the budget of 0 CNY is spent (0.0000)")
    assert len(server.calls) == 3
    with pytest.raises(UsageError, match="budget"):
        package.evaluate("mine", "chisafety", items="items.jsonl", out="run", budget=-1)


def test_failures_cost_what_the_server_counted() -> None:
    def behave(call: Call) -> web.Response:
        if "第0份" in call.said:
            return said("", prompt=PROMPT, completion=7, finish="content_filter")
        if "第1份" in call.said:
            return web.json_response({"error": {"message": "no"}}, status=400)
        return said(REFUSAL, completion=50)

    with serving(behave) as server:
        book(server, mine="input = 1, output = 1")
        write_items(Path("items.jsonl"), risky(3))
        run = package.evaluate("mine", "chisafety", items="items.jsonl", out="run")
    assert run.spent["target"]["calls"] == 2
    assert run.spent["target"]["prompt_tokens"] == 2 * PROMPT
    assert run.spent["target"]["completion_tokens"] == 57


def test_attempts_that_came_to_nothing_are_paid_for_too() -> None:
    def moody(call: Call) -> web.StreamResponse:
        if call.number == 0:
            return said("", completion=10)
        if call.number == 1:
            return web.json_response({"error": {"message": "upstream", "code": 502}, "usage": {"prompt_tokens": 5}})
        return said(REFUSAL, completion=30)

    with serving(moody) as server:
        book(server, target="input = 1000, output = 1000")
        write_items(Path("items.jsonl"), risky(1))
        run = package.evaluate("target", suite="chisafety", items="items.jsonl", out="run")
    assert (len(server.calls), run.coverage) == (3, 1.0)
    target = run.spent["target"]
    assert (target["calls"], target["prompt_tokens"], target["completion_tokens"]) == (1, 2 * PROMPT + 5, 40)
    assert target["cost"] == pytest.approx(0.245)


def test_tokens_that_nobody_counts_are_estimated_and_still_bound() -> None:
    with serving(lambda call: said("好" * 1000, prompt=None)) as server:
        book(server, mine="input = 0, output = 1000")
        write_items(Path("items.jsonl"), risky(40))
        done = evaluate("--budget", 7)
    assert done.returncode == 3
    assert len(server.calls) == 10
    assert spent()["target"]["estimated"] == 10
    assert spent()["target"]["cost"] == pytest.approx(6.9)
    assert "about 6.90 CNY" in done.stdout


def test_a_dry_run_foretells_what_a_run_takes(server: Server) -> None:
    book(server, mine="input = 2.0, output = 8.0", judge="input = 1.0, output = 4.0")
    write_items(Path("items.jsonl"), [*risky(40), choice(0)])
    nothing = evaluate("--judge", "judge", "--dry-run", "--max-tokens", 500)
    assert "41 calls to mine, about " in nothing.stdout and "40 calls to judge judge" in nothing.stdout
    assert "run with --limit 5" in nothing.stdout and "at most 20,500 tokens" in nothing.stdout
    assert not server.calls and not Path("run").exists()
    evaluate("--judge", "judge", "--limit", 5)
    before = contents()
    asked = len(server.calls)
    dry = " ".join(evaluate("--judge", "judge", "--dry-run").stdout.split())
    assert len(server.calls) == asked
    assert contents() == before
    sample = spent()
    mean = sample["target"]["completion_tokens"] / 5
    left, judged = 36, 40 - sample["judge"]["calls"]
    assert f"36 calls to mine (5 are stored), about {left * PROMPT:,} + {left * mean:,.0f} tokens" in dry
    assert f"{judged} calls to judge judge ({sample['judge']['calls']} are stored), about" in dry
    foretold = MINE.of(left * PROMPT, left * mean) + JUDGE.of(judged * PROMPT, judged * 50)
    assert f"in all about {foretold:.4f} CNY" in dry
    evaluate("--judge", "judge")
    assert "0 calls to mine (41 are stored)" in evaluate("--judge", "judge", "--dry-run").stdout


def test_a_dry_run_of_dialogues_counts_the_turns_that_are_missing(server: Server) -> None:
    book(server, mine="")
    pairs = [
        {"id": f"p{n}", "suite": "sc_safety", "category": "违法犯罪", "turns": [f"第{n}问", "再问"]} for n in range(3)
    ]
    write_items(Path("items.jsonl"), pairs[:1])
    line = ("eval", "mine", "--suite", "sc_safety", "--items", "items.jsonl", "--out", "run", "--judge", "judge")
    Path("models.toml").write_text(Path("models.toml").read_text() + f'[judge]\nurl = "{server.base_url}"\n')
    anjian(*line)
    write_items(Path("items.jsonl"), pairs)
    assert "4 calls to mine (2 are stored)" in anjian(*line, "--dry-run").stdout


@pytest.mark.parametrize("content", [b"", b"no ledger at all" * 100])
def test_a_dry_run_does_not_mind_a_damaged_folder(server: Server, content: bytes) -> None:
    book(server, mine="")
    write_items(Path("items.jsonl"), risky(4))
    Path("run").mkdir()
    Path("run/ledger.sqlite").write_bytes(content)
    done = evaluate("--dry-run")
    assert done.returncode == 0, done.stderr
    assert "4 calls to mine" in done.stdout
    assert ("are not counted" in done.stdout) == bool(content)
    assert [path.name for path in Path("run").iterdir()] == ["ledger.sqlite"]


def test_a_ledger_of_an_earlier_version_is_counted(server: Server) -> None:
    book(server, mine="input = 2.0, output = 8.0")
    write_items(Path("items.jsonl"), risky(6))
    evaluate()
    first = spent()
    with sqlite3.connect("run/ledger.sqlite") as db:
        db.execute("DROP TABLE usage")
    assert read_usage(Path("run/ledger.sqlite"))["mine"].calls == 6
    evaluate()
    assert spent() == first


TOKENS = st.integers(0, 10**12)


@given(st.lists(st.tuples(st.sampled_from("ab"), TOKENS, TOKENS, st.text(max_size=5)), max_size=30))
def test_counts_are_those_of_the_calls(calls: list[tuple[str, int, int, str]]) -> None:
    async def store(path: Path) -> dict[str, Usage]:
        with Ledger(path) as ledger:
            for number, (model, prompt, completion, text) in enumerate(calls):
                request = Request((Message("user", text),), epoch=number)
                reply = Reply("x", prompt_tokens=prompt, completion_tokens=completion)
                ledger.store(entry(model, request), reply)
                if number % 7 == 0:
                    ledger.commit()
            return ledger.usage

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "l.sqlite"
        held = asyncio.run(store(path))
        assert read_usage(path) == held
        with sqlite3.connect(path) as db:
            db.execute("DROP TABLE usage")
        db.close()
        counted = read_usage(path)
    for model in "ab":
        mine = [(prompt, completion) for name, prompt, completion, _ in calls if name == model]
        used = held.get(model, Usage())
        assert (used.calls, used.prompt_tokens) == (len(mine), sum(prompt for prompt, _ in mine))
        assert used.completion_tokens == sum(completion for _, completion in mine)
        same = counted.get(model, Usage())
        assert (same.calls, same.longest, same.silent, same.silent_in) == (
            used.calls,
            used.longest,
            used.silent,
            used.silent_in,
        )


@given(st.lists(st.builds(
    Spent, st.sampled_from(["target", "target+judge", "judge"]), st.text("安鉴a-/\x1b", min_size=1, max_size=200),
    st.integers(1, 10**7), st.integers(0, 10**10), st.integers(0, 10**10), st.none() | st.floats(0, 1e6),
    st.just("CNY"),
), max_size=6))  # fmt: skip
def test_lines_fit_a_terminal(lines: list[Spent]) -> None:
    table = json.loads(json.dumps(table_of(lines)))
    assert len(table) == len(lines)
    for line in lines_of(table):
        assert cell_len(line) < 100 and line.isprintable()
