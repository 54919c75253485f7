"""The splitter of thinking and answer: five shapes, and whatever a model may write."""

from collections.abc import Callable

import pytest
from fuzzing import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from anjian.models.base import Reply
from anjian.models.thinking import SHAPES, Thought, has_answer, split_text, split_thinking

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
    assert all(line in text for line in thought.answer.split("\n"))
    if thought.shape == "opening_only":
        assert thought.answer == ""


@given(PLAIN.filter(str.strip), PLAIN)
def test_thinking_in_a_field_of_its_own(reasoning: str, text: str) -> None:
    thought = split_thinking(Reply(text, reasoning=reasoning))
    assert thought.thinking == reasoning.strip()
    assert thought.answer == text.strip()
    assert thought.shape == ("both_tags" if text.strip() else "opening_only")


HARMONY = ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>")
TOKENS = [
    ("<think>", "</think>"), ("<seed:think>", "</seed:think>"), ("[THINK]", "[/THINK]"), ("◁think▷",
    "◁/think▷"), HARMONY,
    ("<|begin_of_thought|>", "<|end_of_thought|>"), ("<|channel>thought\n", "<channel|>"), ("[unused16]", "[unused17]"),
    ("<|START_THINKING|>", "<|END_THINKING|>"), ("<|inner_prefix|>", "<|inner_suffix|>"), ("<mm:think>", "</mm:think>"),
    ("<|open|>think<|sep|>", "<|close|>think<|sep|>"), ("<|think:start|>", "<|think:end|>"),
    ("<ifm|think>", "</ifm|think>"), ("<|plamo:begin_think:plamo|>", "<|plamo:end_think:plamo|>"),
    ("<think_fast>", "</think_fast>"), ("<unused94>thought\n", "<unused95>"),
    ("<|thinking_start|>", "<|thinking_end|>"),
    ("<|im_start|>think\n", "<|im_end|>\n<|im_start|>answer\n"), ("<|begin_of_thinking|>", "<|end_of_thinking|>"),
]  # fmt: skip
TAGS = [(f"<{n}>", f"</{n}>") for n in ("thinking", "thought", "thoughts", "reasoning", "reason", "longcat_think")]
SPACED = [
    ("< think >", "< / think >"), ('<think time="3">', "</think>"), ("&lt;think&gt;", "&lt;/think&gt;"), ("[ THINK ]",
    "[ / THINK ]"),
    ("＜think＞", "＜/think＞"), ("<|start|>assistant" + HARMONY[0], HARMONY[1]),
    (HARMONY[0], HARMONY[1].removeprefix("<|end|>")),
    ('<details type="reasoning" done="true">', "</details>"), ("<thinking>", "</think>"), ("<think>", "<\\/think>"),
    ("<｜think｜>", "<｜/think｜>"), ("< | channel | >analysis< | message | >", "< | channel | >final< | message | >"),
    ("assistant" + HARMONY[0], HARMONY[1]),
]  # fmt: skip
WORDS = [("analysis", "assistantfinal"), ("Here is my thought process:", "Here is my response:"),
         ("assistantanalysis", "assistantfinal"), ("```think\n", "\n```\n"), ("Thinking...\n", "\n...done thinking."),
         ("<details><summary>Thinking</summary>", "</details>"),
         ("Here's my thought process:", "Here's my response:"), ("analysis\n", "\nassistant\nfinal\n")]  # fmt: skip
# What parts may hold: all but marks, and not what they begin or end with.
PART = st.text(alphabet=st.characters(exclude_characters="<>＜＞[]◁▷&|"), max_size=40)
ANSWERS = st.sampled_from(
    [("", ""), ("<answer>\n", "\n</answer>"), ("<Response>", "</Response>"), ("<|begin_of_solution|>",
     "<|end_of_solution|>"),
     ("<|START_RESPONSE|>", "<|END_RESPONSE|>"), ("<answer>", "")]
)  # fmt: skip


@pytest.mark.parametrize("mark", TOKENS + TAGS + SPACED + WORDS)
def test_thinking_in_any_mark_is_not_the_answer(mark: tuple[str, str]) -> None:
    opening, closing = mark
    assert split_text(f"{opening}想一想{closing}\n\n答") == Thought("both_tags", "想一想", "答")
    assert split_text(f"\n{opening}\n\n{closing}答") == Thought("empty", "", "答")
    assert split_text(f"{opening}想{closing}") == Thought("both_tags", "想", "")


@pytest.mark.parametrize("mark", TOKENS + TAGS + SPACED[:6])
def test_thinking_that_is_cut_off_is_no_answer(mark: tuple[str, str]) -> None:
    assert split_text(f"{mark[0]}想到一半") == Thought("opening_only", "想到一半", "")


@pytest.mark.parametrize("mark", TOKENS + TAGS)
def test_a_mark_that_the_prompt_opened_is_only_closed(mark: tuple[str, str]) -> None:
    assert split_text(f"想\n{mark[1]}\n答") == Thought("closing_only", "想", "答")
    assert split_text(f"想{mark[1]}答", prefilled=True) == Thought("closing_only", "想", "答")
    assert split_thinking(Reply("", reasoning=f"想\n{mark[1]}\n答")).answer == "答"


@given(st.sampled_from(TOKENS + TAGS), PART, PART, ANSWERS, st.sampled_from([str, str.upper, str.lower, str.title]))
def test_a_reply_made_of_marks_and_parts_comes_back_in_parts(
    mark: tuple[str, str], thinking: str, answer: str, around: tuple[str, str], case: Callable[[str], str]
) -> None:
    opening, closing, start, end = map(case, (*mark, *around))
    thought = split_text(f"{opening}\n{thinking}\n{closing}\n{start}{answer}{end}")
    assert (thought.thinking, thought.answer) == (thinking.strip(), answer.strip())
    assert thought.shape == ("both_tags" if thinking.strip() else "empty")


MARKS = [mark for pair in TOKENS + TAGS + WORDS for mark in pair] + ["<answer>", "</answer>", "`", "```", "\n"]
PIECES = st.lists(st.sampled_from(MARKS) | PART, max_size=10)


@settings(max_examples=examples(300))
@given(PIECES.map("".join), st.booleans())
def test_nothing_but_marks_and_blanks_is_lost(text: str, prefilled: bool) -> None:
    thought = split_text(text, prefilled)
    assert thought.shape in SHAPES
    assert all(line.strip() in text for line in f"{thought.thinking}\n{thought.answer}".split("\n"))
    if thought.shape == "opening_only":
        assert thought.answer == ""
    if thought.shape == "none":
        assert {char for char in text if not char.isspace()} <= set(thought.answer) | set("".join(MARKS))


@pytest.mark.parametrize(
    ("text", "thinking", "answer"),
    [("<answer><think>想</think>答</answer>", "想", "答"), ("<think>想<answer>答</answer></think>", "想", "答"),
     ("<think>想\n<answer>答</answer>", "想", "答"), ("<think></think><think>想</think>答", "想", "答"),
     ("<think>想</think><answer>答</answer>\n完", "想", "答\n完"), ("<think>\n<think>\n想</think>答", "<think>\n想",
     "答"),
     ("<think>一<think>二</think>三</think>答", "一<think>二</think>三", "答"), ("好。\n<think>想</think>\n答", "想",
     "好。\n答"),
     ("<think>用“</think>”结束</think>答", "用“</think>”结束", "答"), ("<think>用`</think>`结束</think>答",
     "用`</think>`结束", "答"),
     ("<|channel|>analysis<|message|>想<|end|><|start|>assistant<|channel|>final<|message|>答<|return|>", "想", "答")],
)  # fmt: skip
def test_marks_in_one_another_and_spoken_of(text: str, thinking: str, answer: str) -> None:
    assert split_text(text) == Thought("both_tags", thinking, answer)


@pytest.mark.parametrize(
    "text",
    ["用<think>和</think>包裹思考", "写`</think>`表示结束", "```\n想</think>答\n```\n如上", "句中的</reasoning>标签",
     "见“</think>”一节",
     "analysis of the case: yes", "Here is my thought process: 一二三", "[THINKPAD]是商标", "a [/b] c",
     "[reasoning](http://example.com)", "《思考，快与慢》是一本书", "<p>思考一下</p>", "[答案] A",
     "<html><details>x</details></html>"],
)  # fmt: skip
def test_an_answer_that_speaks_of_marks_stays_whole(text: str) -> None:
    assert split_text(text) == Thought("none", "", text)


@pytest.mark.parametrize(
    "text",
    ["<item><reason>迟到</reason></item>", "XML：\n<item>\n  <reason>迟到</reason>\n</item>\n请填写。",
     "请按以下格式回答：\n<thinking>\n分析\n</thinking>\n<answer>\n答案\n</answer>",
     "[Think](https://x.com) 是一首歌", "```\n<think>推理</think>\n答案\n```\n如上", "1. <thinking>分析</thinking>",
     "词元 assistantfinal 出自 harmony", "R1 形如：<think>推理</think>答案。"],
)  # fmt: skip
def test_marks_in_an_example_are_part_of_the_answer(text: str) -> None:
    assert split_text(text) == Thought("none", "", text)


@pytest.mark.parametrize("text", ["<think> 是推理模型的开始标记。", "[THINK] 标记用于 Magistral。", "好。<think>标签"])
def test_a_reply_that_explains_a_mark_loses_nothing(text: str) -> None:
    assert split_text(text).answer == text


@pytest.mark.parametrize("lead", ["\ufeff", "\u200b", "\u2060 ", "<s>", "**", "<p>", "assistant\n"])
def test_little_things_before_a_mark_do_not_hide_it(lead: str) -> None:
    after = {"**": "**", "<p>": "</p>"}.get(lead, "")
    assert split_text(f"{lead}<think>想</think>{after}答") == Thought("both_tags", "想", "答")
    assert split_text(f"{lead}<think>想") == Thought("opening_only", "想", "")
    assert split_text(f"{lead}答").answer == f"{lead}答".strip()


@pytest.mark.parametrize("closing", ["<|end|>", "<|end|>\n", "<|end|><|start|>assistant<|message|>"])
def test_an_answer_in_no_channel_is_the_answer(closing: str) -> None:
    assert split_text(f"{HARMONY[0]}想{closing}答") == Thought("both_tags", "想", "答")
    assert split_text(f"{HARMONY[0]}想{closing}").answer == ""


def test_thinking_alone_in_a_fence_is_thinking() -> None:
    assert split_text("```xml\n<think>想</think>\n```\n答") == Thought("both_tags", "想", "答")


def test_thinking_after_a_greeting_is_thinking() -> None:
    assert split_text("好的。<think>想</think>答") == Thought("both_tags", "想", "好的。\n答")
    assert split_text("好的。<think>想") == Thought("opening_only", "想", "")


@pytest.mark.parametrize("closing", ["</thinking>", "</thought>", "</reasoning>", "assistantfinal", "<\\/think>"])
def test_a_closing_mark_within_a_line_divides(closing: str) -> None:
    assert split_text(f"想一想。{closing}答") == Thought("closing_only", "想一想。", "答")
    assert has_answer(Reply(f"想一想。{closing}答"))
    assert not has_answer(Reply(f"想一想。{closing}\n"))


def test_marks_around_an_answer_alone_are_taken_off() -> None:
    assert split_text("<answer>答</answer>") == Thought("none", "", "答")
    assert split_text("<|channel|>final<|message|>答<|return|>") == Thought("none", "", "答")
    assert split_text("<answer>是我说的一个标签").answer == "<answer>是我说的一个标签"


@pytest.mark.parametrize(
    "mark",
    ["<reflection>", "<scratchpad>", "<foo_think>", "[REASONING]", "<|some_thought|>", "【思考】", "《思考过程》",
     "[Thinking]",
     "<inner_monologue>", "<chain_of_thought>", "<思考>", "{思考}", "<COT>", "〈反思〉", "<inner_voice>",
     "<内部分析>", "<|analysing|>"],
)  # fmt: skip
def test_an_unknown_mark_of_that_look_is_named_and_left(mark: str) -> None:
    assert split_text(f"{mark}想……答") == Thought("none", "", f"{mark}想……答", unknown=mark)
    assert split_text(f"答案。{mark}想").unknown == ""


@pytest.mark.parametrize("mark", ["</analysis>", "【/思考】", "<|/inner_voice|>", "</chain_of_thought>"])
def test_an_unknown_closing_mark_is_named_and_left(mark: str) -> None:
    assert split_text(f"想。{mark}答") == Thought("none", "", f"想。{mark}答", unknown=mark)
    assert split_text(f"例：{mark.replace('/', '')}想{mark}").unknown == ""


@pytest.mark.parametrize(
    "opening",
    ["```think\n", "<details><summary>Thinking</summary>", "Thinking...\n", "**Thinking:**\n", "> Thinking...\n",
     "## 思考过程\n"],
)  # fmt: skip
def test_a_mark_that_wants_its_closing_one_is_unknown_without_it(opening: str) -> None:
    assert split_text(f"{opening}想").unknown == opening.strip(" ")


def test_an_opening_without_its_tokens_and_cut_off_is_unknown() -> None:
    assert split_text("analysisThe user asks").unknown == "analysis"


def test_a_parser_that_took_the_answer_along_is_not_cut_off() -> None:
    assert split_thinking(Reply("", reasoning="答")).parser_took_all
    assert not split_thinking(Reply("", reasoning="想", finish_reason="length")).parser_took_all
    assert not split_thinking(Reply("答", reasoning="想")).parser_took_all
    assert not split_thinking(Reply("<think>想")).parser_took_all


def test_a_field_goes_before_marks_in_the_text() -> None:
    for text in (
        "<thinking>二</thinking>答",
        "</think>\n答",
        "二\n</think>\n答",
        "二。assistantfinal答",
        "[THINK]二[/THINK]<answer>答</answer>",
    ):
        assert split_thinking(Reply(text, reasoning="一")) == Thought("both_tags", "一", "答")


@given(st.text(max_size=60), st.booleans(), st.sampled_from(["", "想一想"]))
def test_an_answer_is_there_when_splitting_finds_one(text: str, prefilled: bool, reasoning: str) -> None:
    reply = Reply(text, reasoning=reasoning, prefilled=prefilled)
    assert has_answer(reply) == bool(split_thinking(reply).answer)
