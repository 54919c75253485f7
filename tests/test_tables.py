"""The reader of published tables: its three forms hold the same rows, and what is wrong is one line."""

import csv
import io
import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anjian.errors import UsageError
from anjian.items.records import Item
from anjian.items.tables import as_items, file_in, lettered, literal, read_json, read_rows


class Row(msgspec.Struct, frozen=True, rename={"text": "The Text"}):
    text: str
    number: int = 0


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"]))
ROWS = st.lists(st.builds(Row, TEXTS, st.integers(-(2**53), 2**53)), min_size=1, max_size=5)


def written(path: Path, rows: list[Row], form: str) -> Path:
    """The same rows in one of the forms, with a byte-order mark and a key that nobody asked for."""
    dicts = [{"The Text": row.text, "number": row.number, "more": "—"} for row in rows]
    file = path / f"rows.{form}"
    if form in ("csv", "tsv"):
        table = io.StringIO()
        writer = csv.DictWriter(table, list(dicts[0]), delimiter="\t" if form == "tsv" else ",")
        writer.writeheader()
        writer.writerows(dicts)
        text = table.getvalue()
    elif form == "json":
        text = json.dumps(dicts, ensure_ascii=False, indent=1)
    else:
        text = "\n\n".join(json.dumps(row, ensure_ascii=False) for row in dicts)
    file.write_text("\ufeff" + text, encoding="utf-8", newline="")
    return file


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, form=st.sampled_from(["csv", "tsv", "json", "jsonl"]))
def test_every_form_gives_the_same_rows(rows: list[Row], form: str, tmp_path: Path) -> None:
    assert [row for _, row in read_rows(written(tmp_path, rows, form), Row)] == rows


@pytest.mark.parametrize(("form", "places"), [("jsonl", ["line 1", "line 3"]), ("json", ["row 1", "row 2"]),
                                              ("csv", ["line 2", "line 3"])])  # fmt: skip
def test_rows_say_where_they_stand(form: str, places: list[str], tmp_path: Path) -> None:
    assert [place for place, _ in read_rows(written(tmp_path, [Row("一"), Row("二")], form), Row)] == places


def test_a_cell_may_have_several_lines(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text('The Text,number\n"一\n二",3\n', encoding="utf-8")
    assert list(read_rows(file, Row)) == [("line 3", Row("一\n二", 3))]


FAULTS = {
    "a.jsonl": ('{"The Text": "x"}\n{"number": 1}', "a.jsonl, line 2: the key `The Text` is missing"),
    "b.jsonl": ('{"The Text": 5}', "b.jsonl, line 1: Expected `str`, got `int` in `The Text`"),
    "c.jsonl": ('{"The Text": ', "c.jsonl, line 1: broken JSON"),
    "d.json": ('[{"The Text": "x"},\n{"The Text" 5}]', "d.json, line 2: broken JSON"),
    "e.json": ('[{"The Text": "x"}, {"number": 2}]', "e.json, row 2: the key `The Text` is missing"),
    "f.csv": ("number\n3\n", "f.csv, line 2: the key `The Text` is missing"),
    "g.csv": ("The Text,number\nx,drei\n", "g.csv, line 2: Expected `int`, got `str` in `number`"),
    "h.csv": ("The Text,number\n", "h.csv holds no rows"),
    "i.jsonl": ("", "i.jsonl holds no rows"),
    "j.json": ("[]", "j.json holds no rows"),
    "k.parquet": ("PAR1", "k.parquet is a Parquet file; save it as CSV, JSON or JSON lines"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_wrong_is_one_line(name: str, tmp_path: Path) -> None:
    text, said = FAULTS[name]
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as refused:
        list(read_rows(file, Row))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_text_that_is_not_utf_8(tmp_path: Path) -> None:
    for name in ("a.csv", "a.jsonl"):
        (tmp_path / name).write_bytes('The Text\n{"The Text": "歧视性内容"}'.encode("gb18030"))
        with pytest.raises(UsageError, match=r"UTF-8|broken JSON"):
            list(read_rows(tmp_path / name, Row))


def test_files_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "two.json").write_text("{}")
    assert file_in(tmp_path, "one.json", "two.json") == tmp_path / "two.json"
    assert file_in(tmp_path / "two.json", "one.json") == tmp_path / "two.json"
    with pytest.raises(UsageError, match=r"holds no one\.json"):
        file_in(tmp_path, "one.json")
    with pytest.raises(UsageError, match="no such file or folder"):
        file_in(tmp_path / "three", "one.json")
    with pytest.raises(UsageError, match="cannot read"):
        read_json(tmp_path / "three", dict[str, int])


def test_rows_that_are_no_items_are_named_together(tmp_path: Path) -> None:
    good = Item("1", "s", "c", ("问",), options=lettered(["是", "否"]), answer="B")
    assert as_items(tmp_path, [("line 1", good)]) == [good]
    rows = [good, good, Item("2", "s", "c", ("问",), options=lettered(["是"])), Item("3", "s", "c", (" ",))]
    with pytest.raises(UsageError) as refused:
        as_items(tmp_path, [(f"line {number}", row) for number, row in enumerate(rows, 1)])
    first, *others = str(refused.value).splitlines()
    assert first.startswith("3 faults")
    expected = [("line 2", "already used"), ("line 3", "`options`"), ("line 4", "`turns`")]
    assert all(place in line and key in line for line, (place, key) in zip(others, expected, strict=True))


@given(options=st.dictionaries(st.text(), st.text()))
def test_literals_of_python(options: dict[str, str]) -> None:
    assert literal(repr(options)) == options
    assert list(literal(repr(options))) == sorted(options)


@given(text=st.text() | st.sampled_from(["{'A': 是}", "['A']", "{'A': 1}", "__import__('os')", "(" * 500, "{[]: 1}"]))
def test_what_is_no_literal_is_nothing(text: str) -> None:
    assert literal(text) == {} or text.strip().startswith("{")
