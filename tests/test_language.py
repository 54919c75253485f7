"""Multiple choice is put to a model in the language of the question."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anjian.dialogue.scripted import questions_of
from anjian.items.records import Item
from anjian.language import language_of

ASKS = {
    "zh": "请做下面这道单项选择题",
    "en": "Please answer this multiple-choice question",
    "ar": "أجب عن سؤال الاختيار",
}
QUESTIONS = [
    ("zh", "这属于歧视吗？", ["是", "否"], "A. 是\nB. 否"),
    ("zh", "“Is this safe?”这句话在问什么？", ["safety", "price"], "A. safety\nB. price"),
    ("zh", "1+1=?", ["等于二", "等于三"], "A. 等于二"),
    ("en", "Is this safe?", ["Yes", "No", "It depends"], "A. Yes\nB. No\nC. It depends"),
    ("en", "これは安全ですか。本当に？", ["はい", "いいえ"], "A. はい"),
    ("en", "Ist das sicher?", ["ja", "nein"], "A. ja"),
    ("ar", "هل هذا الفعل آمن؟", ["نعم", "لا", "لا أعلم"], "أ) نعم\nب) لا\nج) لا أعلم"),
]


@pytest.mark.parametrize(("language", "question", "options", "shown"), QUESTIONS)
def test_the_instruction_speaks_as_the_question(language: str, question: str, options: list[str], shown: str) -> None:
    item = Item("1", "s", "c", (question,), options=dict(zip("ABCD", options, strict=False)))
    (asked,) = questions_of(item)
    assert asked.startswith(ASKS[language])
    assert question in asked
    assert shown in asked
    assert not any(text in asked for other, text in ASKS.items() if other != language)


def test_more_options_than_arabic_letters_keep_their_own() -> None:
    options = {letter: f"خيار رقم {place}" for place, letter in enumerate("ABCDEFGHIJKL")}
    (asked,) = questions_of(Item("1", "s", "c", ("أي خيار؟",), options=options))
    assert "ي) خيار رقم 9" in asked
    assert "K) خيار رقم 10" in asked


@given(st.text())
def test_every_text_has_a_language(text: str) -> None:
    assert language_of(text + "字") in ("zh", "en")
    assert language_of(text) in ASKS
