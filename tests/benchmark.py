"""Runs a published benchmark against a model and a judge that answer as a test tells them to."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from aiohttp import web
from command import anjian, read_lines
from loopback import Call, completion, serving
from rich.console import Console

from anjian.runs.evaluate import run_plan
from anjian.runs.loop import run_async
from anjian.runs.plan import Plan, prepare
from anjian.suites.base import Source

Rows = dict[tuple[str, str, str], dict[str, Any]]


class Ran:
    """What a run left behind: scores by task, metric and group, verdicts and replies."""

    def __init__(self, folder: Path, asked: list[str]) -> None:
        rows = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
        self.rows: Rows = {(row["task"], row["metric"], row["group"]): row for row in rows}
        self.verdicts = read_lines(folder / "verdicts.jsonl")
        self.replies = read_lines(folder / "replies.jsonl")
        self.asked = asked

    def value(self, task: str, metric: str, group: str = "overall") -> Any:
        return self.rows[task, metric, group]["value"]


def run(
    suite: str,
    folder: Path,
    answer: Callable[[str], str],
    judged: Callable[[str], str] = str,
    limit: int | None = None,
    **source: Any,
) -> Ran:
    """Asks every item; `answer` is the model's reply to a question, `judged` the judge's label for its prompt."""

    def behave(call: Call) -> web.Response:
        if call.body["model"] == "judge":
            return completion(f"[答案] {judged(call.said)}\n[分析] 测试。")
        return completion(answer(call.said))

    with serving(behave) as server:
        judges = ("rules-v1",) if judged is str else (f"{server.base_url}#judge",)
        model = f"{server.base_url}#target"
        plan = Plan(model=model, suite=suite, judges=judges, limit=limit, source=Source(**source))
        run_async(run_plan(prepare(plan), folder, Console(quiet=True)))
        return Ran(folder, [call.said for call in server.calls if call.body["model"] == "target"])


def write_rows(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def compared(
    suite: str, folder: Path, answer: Callable[[str, str], str], judged: Callable[[str], str], data: Path
) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Compares two models, `a` and `b`, by the command: what changed, by task, metric and group."""

    def behave(call: Call) -> web.Response:
        name = call.body["model"]
        said = f"[答案] {judged(call.said)}\n[分析] 测试。" if name == "judge" else answer(name, call.said)
        return completion(said)

    with serving(behave) as server:
        first, second, judge = (f"{server.base_url}#{name}" for name in ("a", "b", "judge"))
        done = anjian("compare", first, second, "--suite", suite, "--data", f"{suite}={data}", "--judge", judge,
                      "--out", folder)  # fmt: skip
    assert done.returncode == 0, done.stderr
    (contrast,) = json.loads((folder / "compare.json").read_text(encoding="utf-8"))["contrasts"]
    named = ((change["metric"], change) for change in contrast["changes"])
    return {(metric["task"], metric["metric"], metric["group"]): change for metric, change in named}
