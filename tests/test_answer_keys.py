"""Answer keys: the user's file, and the bundled one that is matched by the question's hash."""

import json
from pathlib import Path

import pytest
from conftest import SHARED, needs_shared
from hypothesis import given
from hypothesis import strategies as st

from anjian.errors import UsageError
from anjian.items.answer_keys import FLAG, apply_bundled_key, load_answers, question_hash
from anjian.items.official import read_official
from anjian.items.records import Item

KEY = "some_release"
YES_NO = {"A": "是", "B": "否"}
ITEMS = [
    Item("mcq-0001", "chisafety", "年龄歧视", ("是歧视吗？",), options=YES_NO),
    Item("mcq-0012", "chisafety", "年龄歧视", ("哪个对？",), options={"A": "甲", "B": "乙", "C": "丙"}, answer="C"),
    Item("mcq-1234", "chisafety", "年龄歧视", ("算歧视吗？",), options=YES_NO),
    Item("qa-0001", "chisafety", "年龄歧视", ("帮我写一段。",)),
]


def key_file(folder: Path, text: str) -> Path:
    path = folder / "key.jsonl"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ['"mcq-0012"', "12", '"12"'])
def test_ids_in_all_three_forms(tmp_path: Path, name: str) -> None:
    items = load_answers(key_file(tmp_path, f'\n{{"id": {name}, "answer": "B"}}\n'), ITEMS)
    assert [item.answer for item in items] == [None, "B", None, None]


def test_items_without_a_line_keep_what_they_have(tmp_path: Path) -> None:
    items = load_answers(key_file(tmp_path, '{"id": 1, "answer": "A"}\n{"id": 1234, "answer": "B"}'), ITEMS)
    assert [item.answer for item in items] == ["A", "C", "B", None]
    assert [item.turns for item in items] == [item.turns for item in ITEMS]


def test_a_list_with_columns_of_its_own_is_read(tmp_path: Path) -> None:
    listed = '[{"id": 12, "answer": " ｂ.", "备注": "x"},\n {"ID": "mcq-0001", "Answer": "(a)"}]'
    items = load_answers(key_file(tmp_path, listed), ITEMS)
    assert [item.answer for item in items] == ["A", "B", None, None]


GOOD = '{"id": 1, "answer": "A"}\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["no answers"]),
        (GOOD + '{"id": "mcq-0001", "answer": "A"}', ["line 2", "'mcq-0001'", "already used in line 1"]),
        (GOOD + '{"id": 2, "answer": "A"}', ["line 2", "`id` 2", "no multiple-choice question"]),
        (GOOD + '{"id": "qa-0001", "answer": "A"}', ["line 2", "'qa-0001'", "no multiple-choice question"]),
        (GOOD + '{"id": 0, "answer": "A"}', ["line 2", "`id` 0"]),
        (GOOD + '{"id": 12, "answer": "D"}', ["line 2", "`answer` 'D'", "A, B, C"]),
        (GOOD + '{"id": 12, "answer": "d"}', ["line 2", "`answer` 'd'"]),
        (GOOD + '{"id": 12, "answer": ' + "[" * 100_000, ["line 2"]),
        (GOOD + '{"id": 12, "answer": ""}', ["line 2", "`answer`"]),
        (GOOD + '{"id": 12, "answer": "A", "foo": 1}', ["line 2", "unknown key `foo`", "id, answer"]),
        (GOOD + '{"id": 12}', ["line 2", "`answer` is missing"]),
        (GOOD + '{"id": 1.5, "answer": "A"}', ["line 2", "`id`"]),
        (GOOD + "oops", ["line 2", "broken JSON"]),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, text: str, words: list[str]) -> None:
    path = key_file(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        load_answers(path, ITEMS)
    message = str(caught.value)
    assert "\n" not in message and all(word in message for word in [str(path), *words]), message


def test_small_letters_are_letters(tmp_path: Path) -> None:
    items = load_answers(key_file(tmp_path, '{"id": 12, "answer": " b "}'), ITEMS)
    assert items[1].answer == "B"


def test_all_wrong_lines_are_named_in_one_run(tmp_path: Path) -> None:
    path = key_file(tmp_path, 'oops\n{"id": 12}\n' + GOOD + '{"id": 1, "answer": "B"}\n{"id": 1234, "answer": "Z"}')
    with pytest.raises(UsageError) as caught:
        load_answers(path, ITEMS)
    head, *lines = str(caught.value).splitlines()
    assert head == f"4 faults in {path}"
    assert [line.partition(":")[0] for line in lines] == [f"{path}, line {number}" for number in (1, 2, 4, 5)]


def test_no_key_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        load_answers(tmp_path / "nothing.jsonl", ITEMS)


@given(st.text(), st.lists(st.text(), min_size=2, max_size=4), st.sampled_from([" ", "\n", "\u00a0", "\u3000"]))
def test_the_hash_ignores_blanks_and_widths(stem: str, texts: list[str], blank: str) -> None:
    options = dict(zip("ABCD", texts, strict=False))
    blanks = {letter: f"{blank}{text}{blank}" for letter, text in options.items()}
    assert question_hash(stem, options) == question_hash(stem + blank, blanks)
    assert question_hash(stem, options) != question_hash(stem + "吗", options)
    assert question_hash("对吗(", options) == question_hash("对吗（", options)


def test_the_hash_tells_the_order_of_options_apart() -> None:
    assert question_hash("对吗", YES_NO) != question_hash("对吗", {"A": "否", "B": "是"})
    assert len(question_hash("对吗", YES_NO)) == 64


@needs_shared
def test_both_releases_share_their_hashes() -> None:
    hashes = [
        {question_hash(item.turns[0], item.options) for item in read_official(folder, "chisafety") if item.options}
        for folder in (SHARED / "data/chisafetybench", SHARED / "data/chisafetybench/v0")
    ]
    assert [len(found) for found in hashes] == [1560, 1854]
    assert len(hashes[0] & hashes[1]) == 1200


def test_the_bundled_key_is_matched_by_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anjian.items.answer_keys.files", lambda package: tmp_path)
    assert apply_bundled_key(ITEMS, KEY) == ITEMS  # there is no key
    flags: list[dict[str, str]] = [{}, {}, {"flag": "ambiguous"}]
    lines = [
        {"id": "v9-1", "sha256": question_hash(item.turns[0], item.options), "answer": "B", "confidence": 0.9} | flag
        for item, flag in zip(ITEMS, flags, strict=False)
    ]
    (tmp_path / "keys").mkdir()
    (tmp_path / f"keys/{KEY}.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    assert [item.answer for item in apply_bundled_key(ITEMS, KEY)] == ["B", "C", "B", None]
    assert [FLAG in item.meta for item in apply_bundled_key(ITEMS, KEY)] == [False, False, True, False]
