"""The forms of training questions: histories that are no cue, and multiple choice whose key is right."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from command import anjian, read_lines

from anjian.items.bank import load_bank

RECIPE = """
[data]
examples = 300
with_history = {history}
choices = {choices}
shares = {{ risky = 0.35, harmless = 0.35, general = 0.3, reasoning = 0 }}
"""


def made(folder: Path, history: float, choices: float) -> list[dict[str, Any]]:
    recipe = folder / "recipe.toml"
    recipe.write_text(RECIPE.format(history=history, choices=choices), encoding="utf-8")
    done = anjian("enhance", "tiny/distill", "--recipe", recipe, "--stage", "data", "--out", folder / "out")
    assert done.returncode == 0, done.stderr
    return read_lines(folder / "out" / "data" / "train.jsonl")


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return made(tmp_path_factory.mktemp("forms"), 0.5, 0.75)


def test_a_history_says_nothing_about_the_risk(examples: list[dict[str, Any]]) -> None:
    after = Counter(one["kind"] for one in examples if len(one["messages"]) > 2)
    assert 30 < after["risky"] < 75
    assert 30 < after["harmless"] < 75
    assert not after["general"]


def test_histories_are_harmless_and_on_the_topic(examples: list[dict[str, Any]]) -> None:
    category = {item.turns[0]: item.category for item in load_bank("chisafety", "train") if item.harmless}
    for one in examples:
        *earlier, question, _ = one["messages"]
        assert [message["role"] for message in earlier] == ["user", "assistant"] * (len(earlier) // 2)
        for message in earlier[::2]:
            assert category[message["content"]] == one["category"]
            assert message["content"] != question["content"]


def test_the_right_letter_is_trained(examples: list[dict[str, Any]]) -> None:
    risky = {item.turns[0] for item in load_bank("chisafety", "train") if not item.harmless}
    asked = [one for one in examples if one["kind"] == "general" and one["id"].startswith("choice-")]
    assert len(asked) > 40
    letters = Counter[str]()
    for one in asked:
        question, reply = (message["content"] for message in one["messages"][-2:])
        assert question.startswith("请做下面这道单项选择题"), "in the form in which the suite asks"
        options = dict(re.findall(r"^([A-D])\. (.+)$", question, re.MULTILINE))
        answer = reply.partition("</think>")[2]
        letter = re.findall(r"答案：([A-D])", answer)[-1]
        letters[letter] += 1
        assert f"所以选“{options[letter]}”" in answer
        said = next((words for words in risky if words in question), None)
        if set(options.values()) & {"会", "应该", "有"}:
            assert (options[letter] in ("会", "应该", "有")) == (said is not None), question
        elif set(options.values()) & risky:
            assert options[letter] in risky
    assert len(letters) == 4
    assert max(letters.values()) < 0.6 * len(asked), "the letter is no cue"


def test_forms_can_be_left_out(tmp_path: Path) -> None:
    found = made(tmp_path, 0, 0)
    assert all(len(one["messages"]) == 2 for one in found)
    assert not any(one["id"].startswith("choice-") for one in found)
