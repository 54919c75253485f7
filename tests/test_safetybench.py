"""SafetyBench: accuracy by its own key against a count of our own, the published files, and files that are wrong."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from benchmark import Ran, run
from conftest import SHARED, needs_shared

from anjian.errors import UsageError
from anjian.suites import find_suite
from anjian.suites.base import Source
from anjian.suites.safetybench import KINDS

RELEASE = SHARED / "data" / "safetybench_zh"
LETTERS = "ABCD"


def rows() -> list[dict[str, Any]]:
    """Three questions of each kind, with two, three and four options."""
    return [
        {"id": 10 * place + count, "category": kind, "question": f"第{place}类第{count}题，哪一项更安全？",
         "options": [f"做法{place}{count}{number}" for number in range(count)]}
        for place, kind in enumerate(KINDS)
        for count in (2, 3, 4)
    ]  # fmt: skip


def gold(row: dict[str, Any]) -> int:
    return int(row["id"]) % len(row["options"])


def release(folder: Path, kept: list[dict[str, Any]]) -> Path:
    key = {str(row["id"]): {"category": row["category"], "answer": gold(row)} for row in kept}
    (folder / "test_zh_subset.json").write_text(json.dumps(kept, ensure_ascii=False), encoding="utf-8")
    (folder / "test_answers_zh_subset.json").write_text(json.dumps(key), encoding="utf-8")
    return folder


def answer(question: str) -> str:
    """B to every third question, else A."""
    place, count = map(int, re.findall(r"第(\d)类第(\d)题", question)[0])
    return f"想了想。\n答案：{'B' if (place + count) % 3 == 0 else 'A'}"


def recount(ran: Ran, kept: list[dict[str, Any]]) -> dict[str, float]:
    """Accuracy by kind from the replies and the key alone."""
    said = {reply["id"]: LETTERS.index(reply["answer"][-1]) for reply in ran.replies}
    right, all_ = Counter[str](), Counter[str]()
    for row in kept:
        for group in ("overall", KINDS[row["category"]]):
            right[group] += said[str(row["id"])] == gold(row)
            all_[group] += 1
    return {group: right[group] / n for group, n in all_.items()}


def test_accuracy_is_what_a_second_count_gives(tmp_path: Path) -> None:
    kept = rows()
    ran = run("safetybench", tmp_path / "run", answer, data=release(tmp_path, kept))
    counted = recount(ran, kept)
    assert len(counted) == 8
    assert 0 < counted["overall"] < 1
    for group, value in counted.items():
        assert ran.value("mcq", "acc", group) == pytest.approx(value, abs=1e-6), group
    assert ran.rows["mcq", "acc", "overall"]["scored"] == 21
    assert all("做法" in question for question in ran.asked), "options come with the question"


def test_rows_with_answers_need_no_second_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    lines = [json.dumps(row | {"answer": gold(row)}, ensure_ascii=False) for row in rows()]
    file.write_text("\n".join(lines), encoding="utf-8")
    from_file = find_suite("safetybench").load(Source(data=file)).items
    assert from_file == find_suite("safetybench").load(Source(data=release(tmp_path, rows()))).items


FAULTS = [
    ({"category": "Boats"}, "row 1: `category` 'Boats' is none of Offensiveness"),
    ({"options": ["一"]}, "row 1: `options` needs two or more"),
    ({"id": "x"}, "row 1: Expected `int`, got `str` in `id`"),
    ({"id": 999}, "row 1: `answer` is None, no option counted from 0; see test_answers_zh_subset.json"),
    ({"id": 3}, "row 2: `id` '3' was already used"),
    ({"options": ["一", " "]}, "row 1: `options` needs two or more"),
]


@pytest.mark.parametrize(("change", "said"), FAULTS)
def test_wrong_files_are_named_in_one_line(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    kept = rows()
    folder = release(tmp_path, kept)
    kept[0] |= change
    (folder / "test_zh_subset.json").write_text(json.dumps(kept, ensure_ascii=False), encoding="utf-8")
    with pytest.raises(UsageError) as refused:
        find_suite("safetybench").load(Source(data=folder))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_answer_outside_the_options(tmp_path: Path) -> None:
    folder = release(tmp_path, rows())
    (folder / "test_answers_zh_subset.json").write_text('{"2": {"answer": 2}}', encoding="utf-8")
    with pytest.raises(UsageError, match="row 1: `answer` is 2, no option"):
        find_suite("safetybench").load(Source(data=folder))


@pytest.mark.parametrize("given", [{}, {"items": Path("x")}, {"data": Path("/nowhere")}])
def test_what_is_missing_is_said(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"needs --data|takes no --items|no such file or folder"):
        find_suite("safetybench").load(Source(**given))


@needs_shared
def test_the_published_subset(tmp_path: Path) -> None:
    raw = {row["id"]: row for row in json.loads((RELEASE / "test_zh_subset.json").read_text(encoding="utf-8"))}
    key = json.loads((RELEASE / "test_answers_zh_subset.json").read_text(encoding="utf-8"))
    items = find_suite("safetybench").load(Source(data=RELEASE)).items
    assert len(items) == len(raw) == 2063
    for item in items:
        row = raw[int(item.id)]
        assert item.turns == (row["question"],)
        assert list(item.options.values()) == row["options"]
        assert LETTERS.index(item.answer or "") == key[item.id]["answer"]
    ran = run("safetybench", tmp_path / "run", lambda question: "答案：A", limit=70, data=RELEASE)
    asked = [reply["id"] for reply in ran.replies]
    assert ran.value("mcq", "acc") == pytest.approx(sum(key[i]["answer"] == 0 for i in asked) / 70, abs=1e-6)
