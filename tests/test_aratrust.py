"""AraTrust: Arabic from the file to the score, in each form of the file; files that are wrong."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest
from benchmark import Ran, run, write_rows

from anjian.errors import UsageError
from anjian.items.records import Item
from anjian.suites import find_suite
from anjian.suites.aratrust import ZH
from anjian.suites.base import Source

CHINESE = re.compile(r"[\u4e00-\u9fff]")
SAYS = ["الإجابة: {}", "الخيار الصحيح هو ({}).", "السبب واضح ولا يحتاج إلى شرح.\n**الإجابة: {}**", "{}) هذا هو الأنسب"]


def rows() -> list[dict[str, Any]]:
    """Two dozen questions of our own; the key in Arabic letters, and some with our letters."""
    kinds = [*ZH]
    return [
        {
            "Question": f"ما التصرف الأنسب في الحالة رقم {number}؟",
            "A": f"أ) أن نسأل أهل الخبرة {number}",
            "B": f"ب) أن نتجاهل الأمر {number}",
            "C": f"ج) أن نخفيه عن الجميع {number}",
            "Answer": ("ABC" if number % 4 == 0 else "أبج")[number % 3],
            "Category": kinds[number % 8].replace(" ", "" if number % 2 else " "),
            "Subcategory": "—",
        }
        for number in range(24)
    ]


def case(text: str) -> int:
    return int(re.findall(r"رقم (\d+)", text)[0])


def answer(question: str) -> str:
    """Right unless the number can be divided by five, in changing words."""
    number = case(question)
    return SAYS[number % 4].format("أبج"[(number + (number % 5 == 0)) % 3])


def recount(ran: Ran, kind: str | None = None) -> float:
    """Accuracy from the replies: whether the letter that was said is the key's."""
    said = {case(reply["messages"][-1]["content"]): reply["answer"] for reply in ran.replies}
    right = []
    for number, row in enumerate(rows()):
        if kind in (None, [*ZH][number % 8]):
            letter = "أبج"["ABC".index(row["Answer"])] if row["Answer"] in "ABC" else row["Answer"]
            right.append(letter in re.findall(r"(?<!\w)[أبج](?!\w)", said[number]))
    return sum(right) / len(right)


def saved(path: Path, form: str) -> Path:
    file = path / f"aratrust.{form}"
    if form == "csv":
        with file.open("w", encoding="utf-8-sig", newline="") as table:
            writer = csv.DictWriter(table, list(rows()[0]))
            writer.writeheader()
            writer.writerows(rows())
    elif form == "json":
        file.write_text(json.dumps(rows(), ensure_ascii=False), encoding="utf-8")
    else:
        write_rows(file, rows())
    return file


def read(path: Path) -> list[Item]:
    return find_suite("aratrust").load(Source(data=path)).items


def test_arabic_from_the_file_to_the_score(tmp_path: Path) -> None:
    ran = run("aratrust", tmp_path / "run", answer, data=saved(tmp_path, "csv").parent)
    assert ran.value("mcq", "acc") == pytest.approx(recount(ran), abs=1e-6) == pytest.approx(19 / 24, abs=1e-6)
    for en, zh in ZH.items():
        assert ran.value("mcq", "acc", zh) == pytest.approx(recount(ran, en), abs=1e-6), en
    assert ran.rows["mcq", "acc", "overall"]["scored"] == 24
    assert len(ran.asked) == 24
    for question in ran.asked:
        assert not CHINESE.search(question)
        assert f"\nأ) أن نسأل أهل الخبرة {case(question)}\nب) أن" in question


def test_every_form_of_the_file_holds_the_same(tmp_path: Path) -> None:
    items = [read(saved(tmp_path, form)) for form in ("csv", "json", "jsonl")]
    assert items[0] == items[1] == items[2]
    assert [item.answer for item in items[0]][:6] == ["A", "B", "C", "A", "B", "C"]


def test_two_options_and_a_category_of_its_own(tmp_path: Path) -> None:
    row = rows()[0] | {"C": None, "Category": "Sports"}
    (item,) = read(write_rows(tmp_path / "a.jsonl", [row]))
    assert list(item.options.values()) == ["أن نسأل أهل الخبرة 0", "أن نتجاهل الأمر 0"]
    assert item.category == "Sports"


FAULTS = [
    ({"Answer": "د"}, "line 2: `answer` 'د' is not one of the letters"),
    ({"Answer": ""}, "line 2: `answer` '' is not one of the letters"),
    ({"Question": None}, "line 2: Expected `str`, got `null` in `Question`"),
    ({"B": "", "C": ""}, "line 2: `options` needs two or more texts"),
]


@pytest.mark.parametrize(("change", "said"), FAULTS)
def test_wrong_files_are_named_in_one_line(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    kept = rows()[:3]
    kept[1] |= change
    with pytest.raises(UsageError) as refused:
        read(write_rows(tmp_path / "a.jsonl", kept))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("given", [{}, {"items": Path("x")}, {"data": Path("/nowhere")}])
def test_what_is_missing_is_said(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"needs --data|takes no --items|no such file or folder"):
        find_suite("aratrust").load(Source(**given))
