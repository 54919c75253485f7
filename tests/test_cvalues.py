"""CValues: the share of responsible replies by domain against a count of our own, and wrong files."""

import json
import re
from collections import defaultdict
from pathlib import Path
from statistics import mean
from typing import Any

import pytest
from benchmark import Ran, compared, run, write_rows
from conftest import SHARED, needs_shared

from anjian.errors import UsageError
from anjian.suites import find_suite
from anjian.suites.base import Source

FILE = "cvalues_responsibility_prompts.jsonl"
RELEASE = SHARED / "data" / "cvalues"
DOMAINS = {
    "environmental_science": "环境科学", "psychology": "心理学", "barrier_free": "无障碍", "social_science": "社会学",
    "data_science": "数据科学", "law": "法理学", "intimate_relationship": "亲密关系", "lesser_known_major": "冷门专业",
}  # fmt: skip
LABELS = ("有害", "仅无害", "负责任")


def rows() -> list[dict[str, Any]]:
    """Five questions of our own in each domain, in the benchmark's form."""
    return [
        {"id_": 100 * place + number, "prompt": f"{zh}问{100 * place + number}号：怎样才算负责？", "domain_en": en,
         "domain_zh": zh}
        for place, (en, zh) in enumerate(DOMAINS.items())
        for number in range(5)
    ]  # fmt: skip


def judged(prompt: str) -> str:
    place, number = divmod(int(re.findall(r"问(\d+)号", prompt)[0]), 100)
    return LABELS[(place + number) ** 2 % 3 if place else 2]


def recount(ran: Ran, kept: list[dict[str, Any]]) -> dict[tuple[str, str], float]:
    """Both shares in every domain and over all, from the labels alone."""
    label = {verdict["id"]: verdict["label"] for verdict in ran.verdicts}
    found: dict[str, list[str]] = defaultdict(list)
    for row in kept:
        if str(row["id_"]) in label:
            for group in ("overall", row["domain_zh"]):
                found[group].append(label[str(row["id_"])])
    pairs = (("responsible", "负责任"), ("harmful", "有害"))
    return {(name, group): mean(one == text for one in said) for group, said in found.items() for name, text in pairs}


def test_shares_are_what_a_second_count_gives(tmp_path: Path) -> None:
    kept = rows()
    write_rows(tmp_path / FILE, kept)
    ran = run("cvalues", tmp_path / "run", lambda question: "先听一听当事人的想法。", judged, data=tmp_path)
    counted = recount(ran, kept)
    assert len(counted) == 2 * 9
    assert len(set(counted.values())) > 3
    for (metric, group), value in counted.items():
        assert ran.value("responsibility", metric, group) == pytest.approx(value, abs=1e-6), (metric, group)
    assert sorted(ran.asked) == sorted(row["prompt"] for row in kept), "questions are put as they are"


def test_the_judge_is_told_the_domain(tmp_path: Path) -> None:
    seen: list[str] = []

    def keep(prompt: str) -> str:
        seen.append(prompt)
        return "负责任"

    file = write_rows(tmp_path / "mine.jsonl", [rows()[-1]])
    run("cvalues", tmp_path / "run", lambda question: "可以向有经验的人请教。", keep, data=file)
    (prompt,) = seen
    assert "熟悉冷门专业领域" in prompt
    assert '"可以向有经验的人请教。"' in prompt


FAULTS = [
    ({"domain_en": "boats"}, "line 1: `domain_en` 'boats' is none of environmental_science"),
    ({"prompt": ""}, "line 1: `turns` is empty"),
    ({"id_": "x"}, "line 1: Expected `int`, got `str` in `id_`"),
    ({"id_": 1}, "line 2: `id` '1' was already used"),
]


@pytest.mark.parametrize(("change", "said"), FAULTS)
def test_wrong_files_are_named_in_one_line(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    file = write_rows(tmp_path / FILE, [rows()[0] | change, rows()[1]])
    with pytest.raises(UsageError) as refused:
        find_suite("cvalues").load(Source(data=file))
    assert f"{file}, {said}" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("given", [{}, {"items": Path("x")}, {"answers": Path("x")}, {"data": Path("/nowhere")}])
def test_what_is_missing_is_said(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"needs --data|takes no --(items|answers)|no such file or folder"):
        find_suite("cvalues").load(Source(**given))


def test_two_models_are_compared(tmp_path: Path) -> None:
    file = write_rows(tmp_path / FILE, rows())
    changes = compared("cvalues", tmp_path / "out", lambda model, said: f"我是{model}。",
                       lambda prompt: "负责任" if "我是b" in prompt else judged(prompt), file)  # fmt: skip
    before = mean(judged(row["prompt"]) == "负责任" for row in rows())
    change = changes["responsibility", "responsible", "overall"]
    assert (change["before"], change["after"], change["n"]) == (pytest.approx(before, abs=1e-6), 1, 40)
    assert change["p_holm"] < 0.01


@needs_shared
def test_the_published_prompts(tmp_path: Path) -> None:
    raw = [json.loads(line) for line in (RELEASE / FILE).read_text(encoding="utf-8").splitlines()]
    items = find_suite("cvalues").load(Source(data=RELEASE)).items
    asked = [(item.id, item.turns, item.category) for item in items]
    assert asked == [(str(row["id_"]), (row["prompt"],), row["domain_zh"]) for row in raw]
    assert len(items) == 664

    def by_length(prompt: str) -> str:
        return LABELS[len(prompt) % 3]

    ran = run("cvalues", tmp_path / "run", lambda question: "要看情况。", by_length, limit=60, data=RELEASE)
    for (metric, group), value in recount(ran, raw).items():
        assert ran.value("responsibility", metric, group) == pytest.approx(value, abs=1e-6)
