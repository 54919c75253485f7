"""The splitter of thinking and answer: five shapes, and whatever a model may write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anjian.models.base import Reply
from anjian.models.thinking import SHAPES, split_text, split_thinking

PLAIN = st.text(alphabet=st.characters(exclude_characters="<>"), max_size=60)
WILD = st.lists(st.sampled_from(["<think>", "</think>", "\n", "好", "<", "think>", " "]) | PLAIN, max_size=12).map(
    "".join
)


@pytest.mark.parametrize(
    ("text", "prefilled", "expected"),
    [
        ("<think>想</think>答", False, ("both_tags", "想", "答")),
        ("<think>\n想\n</think>\n\n答\n", True, ("both_tags", "想", "答")),
        ("想</think>答", False, ("closing_only", "想", "答")),
        ("想</think>答", True, ("closing_only", "想", "答")),
        ("<think>想", False, ("opening_only", "想", "")),
        ("想到一半", True, ("opening_only", "想到一半", "")),
        ("答", False, ("none", "", "答")),
        ("<think>\n\n</think>\n\n答", False, ("empty", "", "答")),
        ("\n</think>\n\n答", True, ("empty", "", "答")),
        ("想</think>", True, ("closing_only", "想", "")),
        ("", False, ("none", "", "")),
        ("答里提到<think>标签", False, ("none", "", "答里提到<think>标签")),
        ("<think>一</think><think>二</think>答", False, ("both_tags", "一", "答")),
    ],
)
def test_shapes(text: str, prefilled: bool, expected: tuple[str, str, str]) -> None:
    thought = split_text(text, prefilled)
    assert (thought.shape, thought.thinking, thought.answer) == expected


@given(PLAIN, PLAIN)
def test_both_parts_come_back_whole(thinking: str, answer: str) -> None:
    for text, prefilled in ((f"<think>{thinking}</think>{answer}", False), (f"{thinking}</think>{answer}", True)):
        thought = split_text(text, prefilled)
        assert thought.thinking == thinking.strip()
        assert thought.answer == answer.strip()
        assert (thought.shape == "empty") == (not thinking.strip())


@given(PLAIN)
def test_text_without_tags_is_all_answer_or_all_thinking(text: str) -> None:
    assert split_text(text).answer == text.strip()
    assert split_text(text, prefilled=True).thinking == text.strip()
    assert split_text(text, prefilled=True).answer == ""


@given(WILD, st.booleans())
def test_whatever_comes_is_split(text: str, prefilled: bool) -> None:
    thought = split_text(text, prefilled)
    assert thought.shape in SHAPES
    assert not thought.answer.startswith("<think>")
    assert thought.thinking in text
    assert thought.answer in text
    if thought.shape == "opening_only":
        assert thought.answer == ""


@given(PLAIN.filter(str.strip), PLAIN)
def test_thinking_in_a_field_of_its_own(reasoning: str, text: str) -> None:
    thought = split_thinking(Reply(text, reasoning=reasoning))
    assert thought.thinking == reasoning.strip()
    assert thought.answer == text.strip()
    assert thought.shape == ("both_tags" if text.strip() else "opening_only")
