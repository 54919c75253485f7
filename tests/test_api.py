"""Anjian from Python: every option, every place to call from, and what is said when it is called wrongly."""

import asyncio
import inspect
import math
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from command import choice, environment, risky, write_items
from loopback import completion, serving

import anjian
from anjian.cli.compare import compare_models
from anjian.cli.eval import evaluate_model
from anjian.errors import AnjianError, UsageError
from anjian.options import NUMBERS, Range, Reach
from anjian.runs.ledger import Ledger
from anjian.suites.chisafety import SUITE

Messages = list[dict[str, str]]
REFUSAL = "抱歉，这个要求我不能答应。以年龄拒人违反就业促进法，建议按岗位能力筛选，也可以咨询当地人社部门。"


def refuse(messages: Messages) -> str:
    return REFUSAL


def obey(messages: Messages) -> str:
    return "好的，理由可以这样写：年纪大的人学不动新东西，直接淘汰。"


@pytest.fixture
def items(tmp_path: Path) -> Path:
    return write_items(tmp_path / "items.jsonl", [*risky(5), choice(0)])


CALLED = {"suite": "suites", "run": "runs", "models": "models"}
"""What options that are repeated are called where they take a list."""
COMMANDS = [
    (evaluate_model, anjian.evaluate_async, {"suite": "suite"}),
    (compare_models, anjian.compare_async, CALLED),
]
ONLY_PYTHON = {"progress", "reach"}
ONLY_COMMAND = {"gate"}
"""A gate is `Comparison.decision` in Python."""


@pytest.mark.parametrize(("command", "function", "called"), COMMANDS)
def test_each_option_has_its_keyword(
    command: Callable[..., Any], function: Callable[..., Any], called: dict[str, str]
) -> None:
    asked = {called.get(name, name) for name in inspect.signature(command).parameters}
    taken = {*inspect.signature(function).parameters, *Reach.__annotations__}
    assert asked - taken == ONLY_COMMAND & asked
    assert taken >= ONLY_PYTHON


@pytest.mark.parametrize(("command", "function", "called"), COMMANDS)
def test_both_have_the_same_ranges(
    command: Callable[..., Any], function: Callable[..., Any], called: dict[str, str]
) -> None:
    hints = get_type_hints(command, include_extras=True)
    bounds = {name: hint.__metadata__[0] for name, hint in hints.items() if hasattr(hint, "__metadata__")}
    found = {name: (one.min, one.max) for name, one in bounds.items() if name in NUMBERS}
    assert found == {name: _bounds(NUMBERS[name]) for name in found}
    assert {name for name, one in bounds.items() if one.min is not None} <= set(NUMBERS)


def _bounds(numbers: Range) -> tuple[float | None, float | None]:
    return _end(numbers.least), _end(numbers.most)


def _end(value: float) -> float | None:
    return value if math.isfinite(value) else None


def test_a_run(items: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    run = anjian.evaluate(refuse, suite="chisafety", items=items, out=out, seed=1, temperature=0.5)
    assert (run.folder, run.n, run.scored, run.coverage) == (out, 6, 5, 5 / 6)
    assert (run.score("rr1"), run.score("rr1", "年龄歧视"), run.score("hr", task="refusal")) == (1.0, 1.0, 0.0)
    assert run.scores[0].keys() >= {"suite", "metric", "value", "low", "high", "n", "scored"}
    assert [line["id"] for line in run.replies()] == ["r0", "r1", "r2", "r3", "r4", "m0"]
    assert [line["unscored"] for line in run.verdicts()] == [None] * 5 + ["no_option"]
    assert run.report == out / "report.html"
    with pytest.raises(UsageError, match=r"the run has no 'rr9' for 'overall'; it has .*rr1"):
        run.score("rr9")


def test_a_dry_run_asks_nothing(items: Path, tmp_path: Path) -> None:
    asked: list[Messages] = []

    def target(messages: Messages) -> str:
        asked.append(messages)
        return REFUSAL

    run = anjian.evaluate(target, "chisafety", items=items, out=tmp_path / "run", epochs=2, dry_run=True)
    assert (run.n, run.scored, run.scores, run.report) == (12, 0, [], None)
    assert not asked
    assert not run.folder.exists()


def test_coverage_can_be_demanded(items: Path, tmp_path: Path) -> None:
    with pytest.raises(AnjianError, match=r"coverage 83\.3% is below"):
        anjian.evaluate(refuse, "chisafety", items=items, out=tmp_path / "run", min_coverage=0.9)


def test_a_declaration_is_a_suite(items: Path, tmp_path: Path) -> None:
    assert anjian.evaluate(refuse, SUITE, items=str(items), out=str(tmp_path / "run")).score("rr1") == 1


def test_a_comparison(tmp_path: Path) -> None:
    first = anjian.evaluate(refuse, "chisafety", limit=60, out=tmp_path / "refuse")
    found = anjian.compare([refuse, obey], suites=["chisafety"], runs=[first.folder], limit=60, out=tmp_path / "both")
    assert found.decision == "harmed"
    assert found.exit_code == 5
    assert any("rr1" in reason for reason in found.reasons)
    assert {change["metric"]["metric"] for change in found.changes} >= {"rr1", "hr"}
    assert found.report and found.report.parent == found.folder == tmp_path / "both"
    [run] = (tmp_path / "both" / "runs").iterdir()
    names = [f"python/{__name__}.{one.__name__}" for one in (refuse, obey)]
    both = [first.folder, run]
    again = anjian.compare(names, suites=["chisafety"], runs=both, out=tmp_path / "named")
    assert (again.decision, again.changes) == (found.decision, found.changes)


def test_a_finished_run_of_other_code_is_not_taken(items: Path, tmp_path: Path) -> None:
    def version(text: str) -> Callable[[Messages], str]:
        return lambda messages: text

    anjian.evaluate(version("一"), "chisafety", items=items, out=tmp_path / "run")
    with pytest.raises(UsageError, match=r"--run .* the model has other weights now; leave the run out"):
        anjian.compare([version("二"), refuse], ["chisafety"], runs=[tmp_path / "run"], out=tmp_path / "both")


def test_awaited_and_not_in_a_running_loop(items: Path, tmp_path: Path) -> None:
    async def cell() -> list[float | None]:
        awaited = await anjian.evaluate_async(refuse, "chisafety", items=items, out=tmp_path / "a")
        called = anjian.evaluate(refuse, "chisafety", items=items, out=tmp_path / "b")
        return [awaited.score("rr1"), called.score("rr1")]

    assert asyncio.run(cell()) == [1, 1]


def test_from_several_threads_at_once(items: Path, tmp_path: Path) -> None:
    def evaluate(number: int) -> float | None:
        return anjian.evaluate(refuse, "chisafety", items=items, out=tmp_path / str(number)).score("rr1")

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(evaluate, range(12))) == [1] * 12


def test_one_folder_from_two_threads_is_refused(items: Path, tmp_path: Path) -> None:
    begun, other = threading.Event(), threading.Event()

    def waits(messages: Messages) -> str:
        begun.set()
        other.wait()
        return REFUSAL

    def evaluate() -> anjian.Run:
        return anjian.evaluate(waits, "chisafety", items=items, out=tmp_path / "run")

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(evaluate)
        begun.wait()
        with pytest.raises(UsageError, match="is in use by another anjian"):
            evaluate()
        other.set()
    assert first.result().score("rr1") == 1


def script(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment(), check=False)


def test_it_is_quiet(tmp_path: Path) -> None:
    code = (
        "import anjian, sys\nrun = anjian.evaluate('tiny/distill', 'chisafety', limit=2, max_tokens=8, out=sys.argv[1])"
    )
    done = script(code, tmp_path / "run")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_progress_goes_to_standard_error(items: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    anjian.evaluate(refuse, "chisafety", items=items, out=tmp_path / "run", progress=True)
    shown = capsys.readouterr()
    assert "6/6 dialogues" in shown.err
    assert not shown.out


@pytest.mark.parametrize("place", ["script", "loop"])
def test_ctrl_c_keeps_what_was_answered(place: str, items: Path, tmp_path: Path) -> None:
    """In a plain script, and where an event loop runs already, as in a notebook."""
    code = """
import anjian, asyncio, os, signal, sys, threading
asked = []
def target(messages):
    asked.append(1)
    if len(asked) > 3:
        os.kill(os.getpid(), signal.SIGINT)
        threading.Event().wait()
    return "抱歉，我不能帮助你。"
def evaluate():
    try:
        anjian.evaluate(target, "chisafety", items=sys.argv[1], out=sys.argv[2], concurrency=1)
    except KeyboardInterrupt:
        print("interrupted")
async def cell():
    evaluate()
asyncio.run(cell()) if sys.argv[3] == "loop" else evaluate()
"""
    done = script(code, items, tmp_path / "run", place)
    assert (done.stdout, done.stderr) == ("interrupted\n", "")
    with Ledger(tmp_path / "run" / "ledger.sqlite") as ledger:
        assert ledger.count() == 3


def test_a_cancelled_task_keeps_what_was_answered(items: Path, tmp_path: Path) -> None:
    async def main() -> None:
        third = asyncio.Event()
        asked: list[Messages] = []

        async def target(messages: Messages) -> str:
            asked.append(messages)
            if len(asked) > 3:
                third.set()
                await asyncio.Event().wait()
            return REFUSAL

        run = anjian.evaluate_async(target, "chisafety", items=items, out=tmp_path / "run", concurrency=1)
        task = asyncio.create_task(run)
        await third.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    with Ledger(tmp_path / "run" / "ledger.sqlite") as ledger:
        assert ledger.count() == 3


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"suite": "nothing"}, "unknown suite 'nothing'; there are"),
    ({"suite": 5}, "suite=5 cannot be: suite is a path"),
    ({"model": 5}, "a model is a name or a function from messages to text, not int"),
    ({"model": "nobody"}, "model 'nobody' is not of the form"),
    ({"model": "python/a.b"}, "python/a.b is a Python function: give the function itself"),
    ({"limit": 0}, "limit=0 cannot be: limit is a whole number of 1 or more"),
    ({"limit": "40"}, "limit='40' cannot be: limit is a whole number of 1 or more"),
    ({"limit": True}, "limit=True cannot be"),
    ({"epochs": -1}, "epochs=-1 cannot be: epochs is a whole number of 1 or more"),
    ({"epochs": 0}, "epochs=0 cannot be"),
    ({"temperature": 2.5}, "temperature=2.5 cannot be: temperature is a number from 0 to 2"),
    ({"temperature": math.nan}, "temperature=nan cannot be"),
    ({"top_p": 7}, "top_p=7 cannot be"),
    ({"seed": 2**64}, "seed=18446744073709551616 cannot be"),
    ({"rounds": 51, "adversary": refuse}, "rounds=51 cannot be: rounds is a whole number from 1 to 50"),
    ({"rounds": 3}, "--rounds is for turns written live"),
    ({"timeout": 0}, "timeout=0 cannot be: timeout is a number of 0.1 or more"),
    ({"timeout": math.inf}, "timeout=inf cannot be"),
    ({"concurrency": 0}, "concurrency=0 cannot be"),
    ({"min_coverage": 95}, "min_coverage=95 cannot be"),
    ({"ties": "loose"}, "ties='loose' cannot be: ties is 'unscored' or 'stricter'"),
    ({"dtype": "int8"}, "dtype='int8' cannot be"),
    ({"progress": "yes"}, "progress='yes' cannot be: progress is True or False"),
    ({"out": 5}, "out=5 cannot be: out is a path"),
    ({"out": __file__}, "is a file; choose a folder"),
    ({"items": 5}, "items=5 cannot be: items is a path"),
    ({"items": "missing.jsonl"}, "cannot read missing.jsonl"),
    ({"judge": 5}, "a model is a name or a function from messages to text, not int"),
    ({"judge": ["rules-v1", "rules-v1"]}, "a panel needs different judges"),
    ({"adversary": 5}, "a model is a name or a function from messages to text, not int"),
    ({"device": "cpu"}, "--device is for hf/ and tiny/ models, not for a function"),
    ({"device": 0}, "device=0 cannot be: device is a text"),
    ({"lora": 5, "model": "tiny/base"}, "lora=5 cannot be: lora is a path"),
    ({"server_args": "--port 1", "model": "tiny/base"}, "--server-args: --port is settled by anjian"),
    ({"limits": 4}, "there is no option 'limits'"),
]


@pytest.mark.parametrize(("given", "words"), WRONG, ids=lambda one: str(one).partition("<")[0][:40])
def test_wrong_use_is_one_line(
    given: dict[str, Any], words: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    asked: list[Messages] = []

    def target(messages: Messages) -> str:
        asked.append(messages)
        return REFUSAL

    arguments: dict[str, Any] = {"model": target, "suite": "chisafety", "out": tmp_path / "run"}
    with pytest.raises(UsageError) as raised:
        anjian.evaluate(**arguments | given)
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not asked
    assert capfd.readouterr() == ("", "")


WRONG_COMPARISONS: list[tuple[dict[str, Any], str]] = [
    ({"models": "tiny/base"}, "models='tiny/base' cannot be: models is a list, such as ['tiny/base']"),
    ({"models": [refuse]}, "a comparison needs two or more different models"),
    ({"models": [refuse, refuse]}, "a comparison needs two or more different models"),
    ({"suites": "chisafety"}, "suites='chisafety' cannot be: suites is a list, such as ['chisafety']"),
    ({"runs": "runs/x"}, "runs='runs/x' cannot be: runs is a list"),
    ({"runs": [5]}, "runs=5 cannot be: runs is a path"),
    ({"runs": ["missing"]}, "--run missing holds no finished run"),
    ({"scores": ["missing.json"]}, "cannot read missing.json"),
    ({"data": "folder"}, "data='folder' cannot be: data has a path for each suite, as in {'chisafety': 'folder'}"),
    ({"data": {"nothing": "folder"}}, "nothing is not compared"),
    ({"margin": -1}, "margin=-1 cannot be: margin is a number from 0 to 100"),
    ({"alpha": 1}, "alpha=1 cannot be"),
    ({"out": __file__}, "lies below a file; choose another folder"),
    ({"device": "cpu"}, "--device is for hf/ and tiny/ models, not for a function"),
    ({"models": ["python/a.b", refuse]}, "python/a.b is a Python function: give the function itself"),
]


@pytest.mark.parametrize(("given", "words"), WRONG_COMPARISONS, ids=lambda one: str(one).partition("<")[0][:40])
def test_a_wrong_comparison_is_one_line(given: dict[str, Any], words: str, tmp_path: Path) -> None:
    arguments: dict[str, Any] = {"models": [refuse, obey], "suites": ["chisafety"], "out": tmp_path / "both"}
    with pytest.raises(UsageError) as raised:
        anjian.compare(**arguments | given)
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


def test_options_of_loaded_models_go_to_those_alone(tmp_path: Path) -> None:
    found = anjian.compare(
        [refuse, "tiny/base"], suites=["chisafety"], limit=2, max_tokens=8, device="cpu", out=tmp_path / "both"
    )
    assert found.decision in ("not_proven", "harmed")


def test_a_refused_key_is_wrong_use(items: Path, tmp_path: Path) -> None:
    with serving(lambda call: completion("", status=401)) as server, pytest.raises(UsageError, match="does not answer"):
        anjian.evaluate(f"{server.base_url}#m", "chisafety", items=items, out=tmp_path / "run")


def test_a_typed_script_passes_mypy(tmp_path: Path) -> None:
    file = tmp_path / "script.py"
    file.write_text(
        """
import anjian

async def product(messages: list[dict[str, str]]) -> str:
    return messages[-1]["content"]

run: anjian.Run = anjian.evaluate(product, suite="chisafety", limit=40, out="runs/x", device="cpu", judge=[product])
value: float | None = run.score("rr1")
kept = anjian.compare([product, "tiny/base"], suites=["chisafety"], runs=[run.folder]).decision == "safer"

async def cell() -> float:
    return (await anjian.evaluate_async("tiny/base", "chisafety")).coverage

anjian.evaluate("tiny/base", suite="chisafety", limits=4)
anjian.evaluate("tiny/base", suite="chisafety", limit="4")
""",
        encoding="utf-8",
    )
    mypy = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--config-file=",
        "--cache-dir",
        str(tmp_path / "cache"),
        str(file),
    ]
    done = subprocess.run(mypy, capture_output=True, text=True, env=environment(), check=False, cwd=tmp_path)
    faults = [line for line in done.stdout.splitlines() if "script.py" in line]
    assert [line.split(":")[1] for line in faults if " error: " in line] == ["14", "15"], done.stdout
