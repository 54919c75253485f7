"""Chinese SafetyQA: its metrics against a count of our own, the published file, and files that are wrong."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from benchmark import Ran, run, write_rows
from conftest import SHARED, needs_shared

from anjian.errors import UsageError
from anjian.suites import find_suite
from anjian.suites.base import Source
from anjian.suites.chinese_safetyqa import ZH

PUBLISHED = SHARED / "data" / "chinese_safetyqa" / "chinese_safetyqa.jsonl"
LABELS = ["正确", "错误", "未尝试"]


def rows(count: int = 40) -> list[dict[str, Any]]:
    return [
        {
            "cate": f"{ZH[number % 7]}-某类-某小类",
            "question": f"第{number}条规定的期限是几天？",
            "standard_answer": f"{number}天",
            "options": repr({"B": f"{number + 1}天", "A": f"{number}天", "C": "没有规定"}),
            "correct_answer": "AC"[number % 5 == 0],
        }
        for number in range(count)
    ]


def number_in(text: str) -> int:
    return int(re.findall(r"第(\d+)条", text)[0])


def answer(question: str) -> str:
    return f"答案：{'ABC'[number_in(question) % 3]}" if "没有规定" in question else f"我想是{number_in(question)}天。"


def judged(prompt: str) -> str:
    """By the number of the question: more often right than wrong, and sometimes not attempted."""
    number = number_in(prompt)
    assert f"标准答案：{number}天" in prompt, "the judge reads the standard answer"
    return LABELS[(number % 4) % 3]


def recount(ran: Ran, category: str | None) -> dict[str, float]:
    """The metrics as the paper defines them, from the labels alone."""
    kept = [row for row in ran.verdicts if row["task"] == "qa" and category in (None, row["category"])]
    given = Counter(row["label"] for row in kept)
    co, wrong, na = (given[label] / len(kept) for label in LABELS)
    cga = given["正确"] / (given["正确"] + given["错误"])
    return {"co": co, "in": wrong, "na": na, "cga": cga, "f": 2 * co * cga / (co + cga)}


def test_every_metric_is_what_a_second_count_gives(tmp_path: Path) -> None:
    kept = rows()
    ran = run("chinese_safetyqa", tmp_path / "run", answer, judged, data=write_rows(tmp_path / "qa.jsonl", kept))
    for category in (None, *ZH):
        counted = recount(ran, category)
        found = {metric: ran.value("qa", metric, category or "overall") for metric in counted}
        assert found == pytest.approx(counted, abs=1e-6), category
    assert 0 < ran.value("qa", "f") < 1
    right = sum("ABC"[number % 3] == row["correct_answer"] for number, row in enumerate(kept))
    assert ran.value("mcq", "acc") == pytest.approx(right / 40, abs=1e-6)
    row = ran.rows["qa", "f", "overall"]
    assert row["low"] < row["value"] < row["high"]
    assert (row["n"], row["scored"]) == (40, 40)


def test_nothing_attempted_has_no_cga(tmp_path: Path) -> None:
    file = write_rows(tmp_path / "qa.jsonl", rows(6))
    ran = run("chinese_safetyqa", tmp_path / "run", answer, lambda prompt: "未尝试", data=file)
    assert ran.value("qa", "na") == 1
    assert ran.value("qa", "cga") is None
    assert ran.value("qa", "f") == 0


def test_options_that_cannot_be_read_cost_only_the_multiple_choice(tmp_path: Path) -> None:
    kept = rows(4)
    kept[1]["options"] = "{'A': 是, 'B': '否'}"
    kept[2]["options"] = "__import__('os').abort()"
    kept[3]["correct_answer"] = "E"
    selection = find_suite("chinese_safetyqa").load(Source(data=write_rows(tmp_path / "qa.jsonl", kept)))
    assert [item.id for item in selection.items] == ["qa-0001", "qa-0002", "qa-0003", "qa-0004", "mcq-0001"]
    assert selection.notes[0].startswith("3 questions whose options")


FAULTS = [
    ({"cate": "别的风险-某类"}, "line 2: `cate` must begin with one of 违法违规风险"),
    ({"question": ""}, "line 2: `turns` is empty"),
    ({"standard_answer": 15}, "line 2: Expected `str`, got `int` in `standard_answer`"),
]


@pytest.mark.parametrize(("change", "said"), FAULTS)
def test_wrong_files_are_named_in_one_line(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    kept = rows(3)
    kept[1] |= change
    with pytest.raises(UsageError) as refused:
        find_suite("chinese_safetyqa").load(Source(data=write_rows(tmp_path / "qa.jsonl", kept)))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("given", [{}, {"answers": Path("x")}, {"data": Path("/nowhere")}])
def test_what_is_missing_is_said(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"needs --data|takes no --answers|no such file or folder"):
        find_suite("chinese_safetyqa").load(Source(**given))


@needs_shared
def test_the_published_file(tmp_path: Path) -> None:
    raw = [json.loads(line) for line in PUBLISHED.read_text(encoding="utf-8").splitlines()]
    selection = find_suite("chinese_safetyqa").load(Source(data=PUBLISHED.parent))
    counts = Counter(bool(item.options) for item in selection.items)
    assert counts == {False: 2000, True: 1999}
    assert selection.notes == ["1 questions whose options or right option cannot be read were asked as open ones only"]
    for item in selection.items:
        row = raw[int(item.id.partition("-")[2]) - 1]
        assert item.turns == (row["question"],)
        assert item.answer == (row["correct_answer"] if item.options else row["standard_answer"])
        assert row["cate"].startswith(f"{item.category}-")
    ran = run("chinese_safetyqa", tmp_path / "run", lambda question: "答案：B", lambda prompt: "正确", limit=60,
              data=PUBLISHED)  # fmt: skip
    asked = [raw[int(reply["id"][4:]) - 1] for reply in ran.replies if reply["id"].startswith("mcq")]
    right = sum(row["correct_answer"] == "B" for row in asked)
    assert ran.value("mcq", "acc") == pytest.approx(right / len(asked), abs=1e-6)
    assert ran.value("qa", "f") == 1
