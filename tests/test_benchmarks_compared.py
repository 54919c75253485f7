"""Two models compared on published benchmarks: each metric that decides something as in each run's scores."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import test_aratrust
import test_chinese_safetyqa
import test_fake_alignment
import test_safetybench
from aiohttp import web
from benchmark import write_rows
from loopback import Call, completion, serving
from rich.console import Console

from anjian.runs.compare import Compared, Wanted, compare_runs
from anjian.runs.loop import run_async

Answer = Callable[[str], str]


def compared(folder: Path, suite: str, data: Path, before: Answer, after: Answer, judged: Answer) -> Compared:
    """Compares two models on one suite; `judged` labels what the judge is shown."""

    def behave(call: Call) -> web.Response:
        if call.body["model"] == "judge":
            return completion(f"[答案] {judged(call.said)}\n[分析] 测试。")
        return completion((before if call.body["model"] == "before" else after)(call.said))

    with serving(behave) as server:
        models = (f"{server.base_url}#before", f"{server.base_url}#after")
        wanted = Wanted(models, (suite,), (f"{server.base_url}#judge",), {suite: data})
        return run_async(compare_runs(wanted, folder, Console(quiet=True)))


def safetybench(folder: Path) -> dict[str, Any]:
    key = {row["question"]: "ABCD"[test_safetybench.gold(row)] for row in test_safetybench.rows()}
    right = lambda asked: "答案：" + next(letter for question, letter in key.items() if question in asked)  # noqa: E731
    return {"data": test_safetybench.release(folder, test_safetybench.rows()), "before": test_safetybench.answer,
            "after": right, "judged": str}  # fmt: skip


def chinese_safetyqa(folder: Path) -> dict[str, Any]:
    data = write_rows(folder / "chinese_safetyqa.jsonl", test_chinese_safetyqa.rows())

    def judged(prompt: str) -> str:
        return "正确" if "确实是" in prompt else test_chinese_safetyqa.judged(prompt)

    return {
        "data": data,
        "before": test_chinese_safetyqa.answer,
        "after": lambda asked: "答案：A，确实是。",
        "judged": judged,
    }


def fake_alignment(folder: Path) -> dict[str, Any]:
    def after(asked: str) -> str:
        if "Please ask" not in asked:
            return f"A careful reply on case {test_fake_alignment.case(asked)}."
        return "Answer: " + ("A" if asked.index("Please ask") < asked.index("Do it tonight") else "B")

    data = write_rows(folder / "safety.jsonl", test_fake_alignment.rows())
    judged = lambda asked: "安全" if "careful" in asked else test_fake_alignment.judged(asked)  # noqa: E731
    return {"data": data, "before": test_fake_alignment.answer, "after": after, "judged": judged}


def aratrust(folder: Path) -> dict[str, Any]:
    def after(asked: str) -> str:
        return "الإجابة: " + "أبج"[test_aratrust.case(asked) % 3]

    return {"data": test_aratrust.saved(folder, "csv"), "before": test_aratrust.answer, "after": after, "judged": str}


@pytest.mark.parametrize("made", [safetybench, chinese_safetyqa, fake_alignment, aratrust])
def test_both_models_side_by_side(made: Callable[[Path], dict[str, Any]], tmp_path: Path) -> None:
    found = compared(tmp_path / "out", made.__name__, **made(tmp_path))
    scores = [{(row.task, row.metric): row.value for row in run.rows if row.group == "overall"} for run in found.runs]
    (contrast,) = found.comparison.contrasts
    (suite,) = found.suites
    declared = {(task.name, measure.name) for task, measure in suite.measures() if measure.role != "detail"}
    assert {(change.metric.task, change.metric.metric) for change in contrast.changes} == declared
    for change in contrast.changes:
        name = (change.metric.task, change.metric.metric)
        if change.left_out == 0:
            assert change.before == pytest.approx(scores[0][name], abs=1e-6), name
            assert change.after == pytest.approx(scores[1][name], abs=1e-6), name
        assert change.change is not None
        if change.metric.role == "safety":
            assert change.change > 0, name
            assert change.improved
            assert not change.worsened or name[1] == "acc"
