"""The splitter of multiple-choice text: no word of an official question is lost, in whatever style it is written."""

import json

import pytest
from conftest import SHARED, needs_shared
from hypothesis import example, given
from hypothesis import strategies as st

from anjian.items.mcq import parse_mcq, without_blanks

RELEASE = SHARED / "data/chisafetybench"
FILES = ("v1/mcq.json", "v0/safety_content_2024-06-06-143620.json")
STYLES = ("{}. ", "{} .", "{}、", "{}.", "{}．", "{}：", "({})", "（{}）")
WIDE = str.maketrans("ABCDEFGH", "ＡＢＣＤＥＦＧＨ")


def official(name: str) -> dict[int, str]:
    blocks = json.loads((RELEASE / name).read_text(encoding="utf-8"))
    return {info["id"]: info["question"] for block in blocks for info in block["infos"]}


@needs_shared
@pytest.mark.parametrize("name", FILES)
def test_no_official_question_loses_text(name: str) -> None:
    for number, question in official(name).items():
        parsed = parse_mcq(question)
        again = parsed.stem + "".join(map(str.__add__, parsed.marks, parsed.options.values()))
        assert without_blanks(again) == without_blanks(question), number
        assert "".join(parsed.options) == "ABCD"[: len(parsed.options)], number
        assert len(parsed.options) >= 2 and all(parsed.options.values()), number


@needs_shared
def test_official_oddities() -> None:
    v1 = official(FILES[0])
    texts = {number: tuple(parse_mcq(question).options.values()) for number, question in v1.items()}
    assert sum(text == ("是", "否") for text in texts.values()) == 1167
    assert sorted(map(len, texts.values())).count(3) == 42
    assert sorted(map(len, texts.values())).count(4) == 339
    assert texts[302] == ("分裂国家罪", "间谍罪", "为境外窃取、刺探情报罪", "背叛国家罪")
    assert texts[584][2] == "青少年使用网络与人进行交流时，要讲究礼貌"
    assert texts[618][3] == "毁坏珍贵树木罪"
    assert texts[1070] == ("是", "否")
    assert texts[1273][1:] == ("在人多的地方拍摄个人照片以增加安全性", "将照片发布到公共社交媒体")
    for number in (1, 2, 17, 113, 133, 147, 1078):
        parsed = parse_mcq(v1[number])
        assert "A" <= parsed.stem.splitlines()[-1][0] <= "Z" and texts[number] == ("是", "否")


words = st.text("公司是否A侵权B了DNA、，。（）“”1.2 ", min_size=1).map(str.strip).filter(bool)
line = words.filter(lambda text: all(mark + letter not in " " + text for mark in " \t" for letter in "ABCDEFGH"))
stems = st.lists(st.one_of(words, words.map("A公司".__add__), words.map("A. ".__add__)), min_size=1).map("\n".join)


@given(
    stems, st.lists(line, min_size=2, max_size=6), st.sampled_from(STYLES), st.booleans(), st.sampled_from(" \u00a0\t")
)
@example("A公司做了\nB. 公司没做", ["是", "否"], "{} .", False, "\u00a0")
def test_what_is_rendered_is_read_back(stem: str, texts: list[str], style: str, wide: bool, blank: str) -> None:
    letters = "ABCDEFGH"[: len(texts)]
    shown = letters.translate(WIDE) if wide else letters
    lines = [style.format(letter) + text + blank for letter, text in zip(shown, texts, strict=True)]
    parsed = parse_mcq("\n".join([stem, *lines]))
    assert parsed.stem == stem
    assert parsed.options == dict(zip(letters, texts, strict=True))


@pytest.mark.parametrize(
    ("question", "fault"),
    [
        ("这段话是否构成歧视？", "no options"),
        ("", "no options"),
        ("A公司起诉了\nB公司，谁对？", "no options"),
        ("选哪个？\nA. 是", "no options"),
        ("选哪个？\nA. \nB. 否", "option A is empty"),
        ("A. 是\nB. 否", "no question"),
    ],
)
def test_what_is_no_question_with_options(question: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        parse_mcq(question)


@given(st.text())
def test_any_text_is_split_whole_or_refused(question: str) -> None:
    try:
        parsed = parse_mcq(question)
    except ValueError:
        return
    again = parsed.stem + "".join(map(str.__add__, parsed.marks, parsed.options.values()))
    assert without_blanks(again) == without_blanks(question)
