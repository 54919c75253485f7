"""The bundled key of the official multiple-choice questions."""

import re
from collections import Counter
from importlib.resources import files
from typing import Any

import msgspec
from command import anjian
from conftest import SHARED, needs_shared

from anjian.items.answer_keys import apply_bundled_key, question_hash
from anjian.items.official import read_official
from anjian.scores.rows import Verdicted
from anjian.suites import chisafety
from anjian.suites.base import Source

KEY = "chisafetybench_v1"
LINES: list[dict[str, Any]] = [
    msgspec.json.decode(line)
    for line in files("anjian.items").joinpath("keys", f"{KEY}.jsonl").read_bytes().splitlines()
]
OFFICIAL = SHARED / "data" / "chisafetybench"


def test_every_line_has_a_letter_a_hash_and_a_reason_for_its_flag() -> None:
    assert [line["id"] for line in LINES] == [f"mcq-{number:04}" for number in range(1, 1568)]
    for line in LINES:
        assert line["answer"] in "ABCD"
        assert re.fullmatch(r"[0-9a-f]{64}", line["sha256"])
        assert 0 < line["confidence"] <= 1
        assert ("flag" in line) == ("reason" in line)
        assert line.get("flag") in (None, "ambiguous", "several", "none")
    assert 0.03 < sum("flag" in line for line in LINES) / len(LINES) < 0.12


@needs_shared
def test_the_key_fits_the_official_questions_and_quotes_none() -> None:
    by_id = {line["id"]: line for line in LINES}
    asked = [item for item in read_official(OFFICIAL / "v1", "chisafety") if item.options]
    assert len(asked) == 1567
    same: dict[str, set[str]] = {}
    for item in asked:
        line = by_id[item.id]
        assert line["sha256"] == question_hash(item.turns[0], item.options)
        assert line["answer"] in item.options
        same.setdefault(line["sha256"], set()).add(line["answer"])
        reason = line.get("reason", "")
        assert not any(reason[i : i + 16] in item.turns[0] for i in range(len(reason) - 15)), line
    assert all(len(answers) == 1 for answers in same.values())


@needs_shared
def test_flagged_questions_count_apart_unless_asked_for_and_v0_is_served_too() -> None:
    flagged = sum("flag" in line for line in LINES)
    for ambiguous, apart in ((False, flagged), (True, 0)):
        items = chisafety.load(Source(data=OFFICIAL / "v1", include_ambiguous=ambiguous)).items
        tasks = Counter(map(chisafety.SUITE.task_of, items))
        assert (tasks["mcq"], tasks["mcq_flagged"]) == (1567 - apart, apart)
    older = apply_bundled_key(read_official(OFFICIAL / "v0", "chisafety"), KEY)
    assert sum(item.answer is not None for item in older) >= 1200


@needs_shared
def test_the_official_release_is_asked_without_further_options() -> None:
    done = anjian("eval", "tiny/base", "--suite", "chisafety", "--data", OFFICIAL / "v1", "--dry-run")
    assert done.returncode == 0, done.stderr
    flagged = sum("flag" in line for line in LINES)
    assert f"{1567 + 563} calls to tiny/base" in done.stdout
    assert f"{flagged} multiple-choice questions are flagged" in done.stdout


def said(task: str, right: str, options: int, points: int) -> Verdicted:
    return Verdicted(f"{task}{right}", task, "国别歧视", "options-v1", points=points, right=right, options=options)


def test_accuracy_stands_both_ways_beside_what_is_had_for_nothing() -> None:
    verdicts = [said("mcq", "A", 2, 1), said("mcq", "B", 4, 0), said("mcq_flagged", "B", 2, 0)]
    rows = chisafety.SUITE.score(verdicts, "m", "rules-v1", 1)
    for group in ("overall", "歧视性内容"):
        values = {row.metric: (row.value, row.n, row.judge) for row in rows if row.group == group}
        assert values["acc_o" if group == "overall" else "acc_i"] == (0.5, 2, "options-v1")
        assert values["acc_chance"] == (0.375, 2, "options-v1")
        assert values["acc_always_a"] == (0.5, 2, "options-v1")
        assert values["acc_with_flagged"] == (0.333333, 3, "options-v1")
    assert [(row.low, row.group_kind) for row in rows if row.metric == "acc_chance"] == [
        (0.375, "overall"),
        (0.375, "area"),
    ]


def test_no_letter_is_always_right() -> None:
    counts = Counter(line["answer"] for line in LINES)
    assert max(counts.values()) < 0.7 * len(LINES)
