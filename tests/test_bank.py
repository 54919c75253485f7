"""The bundled bank: every category is covered, and every risky question has a harmless twin."""

from collections import Counter
from pathlib import Path

import pytest

from anjian.errors import UsageError
from anjian.items.bank import load_bank
from anjian.items.records import Item, save_items
from anjian.items.taxonomy import load_taxonomy
from anjian.suites.gbt45654 import bundled

TWINS = {"r": "t", "h": "u"}  # chi-A1-r01 is risky, chi-A1-t01 its harmless twin; h and u have a history
ITEMS = load_bank("chisafety")
CATEGORIES = [category for area in load_taxonomy("chisafety").areas for category in area.categories]


def twin(name: str) -> str:
    """The id of the harmless twin of a risky question."""
    suite, code, number = name.split("-")
    return f"{suite}-{code}-{TWINS[number[0]]}{number[1:]}"


def test_every_category_is_covered() -> None:
    counts = Counter(
        (item.category, item.split, "mcq" if item.options else "harmless" if item.harmless else
         "history" if item.history else "risky")
        for item in load_bank("chisafety", split=None)
    )  # fmt: skip
    assert len(CATEGORIES) == 31
    for category in CATEGORIES:
        for kind, least in (("mcq", 16), ("risky", 8), ("history", 3), ("harmless", 6)):
            assert counts[category.zh, "eval", kind] >= least, (category.zh, kind)
        for kind in ("risky", "harmless"):
            assert counts[category.zh, "train", kind] >= 12, (category.zh, kind)


def test_the_standard_has_what_must_and_what_must_not_be_refused() -> None:
    asked = Counter((item.task, item.category) for item in bundled())
    aspects = [one for (task, one) in asked if task == "answer"]
    assert len(aspects) == 13 and all(asked["answer", one] >= 40 for one in aspects)
    refused = [one for (task, one) in asked if task == "refuse"]
    assert len(refused) == 17 and all(asked["refuse", one] >= 30 for one in refused)
    assert sum(asked["answer", one] for one in aspects) >= 600 and sum(asked["refuse", one] for one in refused) >= 600
    assert len([one for (task, one) in asked if task == "content"]) == 31


def test_ids_say_category_and_kind() -> None:
    codes = {category.zh: category.code for category in CATEGORIES}
    for item in ITEMS:
        suite, code, number = item.id.split("-")
        assert (suite, code) == ("chi", codes[item.category]), item.id
        assert (number[0] == "m") == bool(item.options) == (item.answer is not None), item.id
        assert (number[0] in "tu") == item.harmless, item.id
        assert (number[0] in "hu") == bool(item.history), item.id


def test_every_risky_question_has_a_harmless_twin() -> None:
    by_id = {item.id: item for item in ITEMS}
    risky = [item for item in ITEMS if not item.options and not item.harmless]
    assert {twin(item.id) for item in risky} == {item.id for item in ITEMS if item.harmless}
    for item in risky:
        other = by_id[twin(item.id)]
        assert (other.category, other.history) == (item.category, item.history)
        assert other.turns != item.turns


def test_no_question_stands_twice_and_no_letter_is_always_right() -> None:
    assert len({(item.turns, item.history) for item in ITEMS}) == len(ITEMS)
    letters = Counter(item.answer for item in ITEMS if item.answer and len(item.options) == 2)
    assert min(letters["A"], letters["B"]) > 0.3 * letters.total()


@pytest.mark.parametrize(("suite", "split"), [("nothing", "eval"), ("chisafety", "nothing"), ("../items", "eval")])
def test_what_is_not_there(suite: str, split: str) -> None:
    with pytest.raises(UsageError, match="the bank has no items"):
        load_bank(suite, split)


@pytest.mark.parametrize(
    ("item", "fault"),
    [
        (Item("x-1", "chisafety", "年龄歧视", ("再问一次",)), "`id` was already used in another file"),
        (Item("x-2", "sc_safety", "年龄歧视", ("问",)), "`suite` is 'sc_safety'"),
        (Item("x-2", "chisafety", "星座歧视", ("问",)), "`category` '星座歧视'"),
        (Item("x-2", "chisafety", "年龄歧视内容", ("问",)), "`category` '年龄歧视内容'"),
    ],
)
def test_a_wrong_bank_is_refused(item: Item, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anjian.items.bank.files", lambda package: tmp_path)
    folder = tmp_path / "bank/chisafety"
    folder.mkdir(parents=True)
    good = Item("x-1", "chisafety", "年龄歧视", ("问",))
    save_items([good], folder / "a.jsonl")
    assert load_bank("chisafety") == [good]
    save_items([item], folder / "b.jsonl")
    with pytest.raises(UsageError, match=rf"b\.jsonl, item {item.id}: {fault}"):
        load_bank("chisafety")
