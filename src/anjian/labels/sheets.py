"""Sheets to be labelled: for each person the same replies in another order, as xlsx with drop-downs and as JSON lines.

Sheets hold nothing of the judge's verdicts. Questions and replies are hostile: no text of theirs is a formula.
"""

import random
import re
from collections.abc import Sequence
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from anjian.errors import UsageError
from anjian.files import replace
from anjian.installing import install
from anjian.items.records import Message
from anjian.judges.kinds import Kind
from anjian.judges.prompting import shipped_prompts
from anjian.labels.drawing import Entry
from anjian.labels.pool import Judged, Pool
from anjian.names import Name
from anjian.text import visible

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

COLUMNS = {
    "number": (Name("编号", "number"), 9),
    "id": (Name("", "id"), 15),
    "question": (Name("提问", "question"), 60),
    "reply": (Name("回复", "reply"), 80),
    "label": (Name("标签", "label"), 34),
    "note": (Name("备注", "note"), 30),
}
"""Each with its heading and its width."""
MOST = 32_767
"""UTF-16 units that a cell of a spreadsheet holds."""
_TEXT, _NUMBER = "text", "number"
_ROLES = {"system": "系统", "user": "用户", "assistant": "模型"}
_NO_XML = re.compile("[\ufffe\uffff]")
_ESCAPE = re.compile("_(?=x[0-9A-Fa-f]{4}_)")
"""What would begin a character by its number, which spreadsheets show as that character."""
_EXPLAINING = re.compile(r"- |\d+\. ")


class Row(msgspec.Struct, frozen=True):
    """One line to be labelled."""

    number: int
    id: str
    kind: str
    question: str
    reply: str
    label: str = ""
    note: str = ""


def rows_of(pool: Pool, entries: Sequence[Entry]) -> list[Row]:
    """What is asked about each reply that was drawn, by number."""
    drawn = sorted((entry.number, pool.judged[entry.id]) for entry in entries if entry.number is not None)
    return [_row(number, one) for number, one in drawn]


def _row(number: int, one: Judged) -> Row:
    return Row(number, one.id, one.kind.name, shown(_dialogue(one.reply.messages)), shown(one.reply.answer))


def _dialogue(messages: Sequence[Message]) -> str:
    """The question, after whatever was said before it."""
    if len(messages) == 1:
        return messages[0].content
    return "\n\n".join(f"【{_ROLES[message.role]}】{message.content}" for message in messages)


def shown(text: str) -> str:
    """Text as a file of XML can hold it: what is hidden in it is shown by its code point."""
    return _NO_XML.sub(lambda found: f"‹U+{ord(found[0]):04X}›", visible(text))


def write_sheets(pool: Pool, entries: Sequence[Entry], folder: Path, people: int, seed: int) -> list[Path]:
    """Writes `person-1.xlsx`, `person-1.jsonl` and so on, for so many people."""
    rows = rows_of(pool, entries)
    written = []
    for person in range(1, people + 1):
        order = [*rows]
        random.Random(f"{seed}/{person}").shuffle(order)  # noqa: S311  (no secret)
        for ending, content in ((".xlsx", workbook(order, pool.kinds)), (".jsonl", json_lines(order))):
            written.append(folder / f"person-{person}{ending}")
            replace(written[-1], content)
    return written


def load_openpyxl() -> None:
    """Raises UsageError where openpyxl is missing."""
    try:
        import openpyxl  # noqa: F401
    except ImportError:
        raise UsageError(
            f"spreadsheets need openpyxl: {install('filing')}; CSV and JSON lines can do without"
        ) from None


def json_lines(rows: Sequence[Row]) -> bytes:
    """Rows as JSON lines, nothing cut."""
    return b"".join(msgspec.json.encode(row) + b"\n" for row in rows)


def workbook(rows: Sequence[Row], kinds: dict[str, Kind], notes: Sequence[str] = ()) -> bytes:
    """Rows as a spreadsheet: instructions, and a sheet for each kind of question; `notes` are offered as such."""
    from openpyxl import Workbook

    book = Workbook()
    guide = book.worksheets[0]
    guide.title = "说明 instructions"
    guide.column_dimensions["A"].width, guide.column_dimensions["B"].width = 44, 110
    general = files("anjian.labels").joinpath("instructions.md").read_text(encoding="utf-8")
    append(guide, *([line] for line in general.splitlines()))
    for name in dict.fromkeys(row.kind for row in rows):
        kind = kinds[name]
        explained = _explained(kind)
        append(guide, [], [name, "含义 meaning"])
        first = guide.max_row + 1
        append(guide, *([str(label.title), explained.pop(label.text, "")] for label in kind.labels))
        choices = f"'{guide.title}'!$A${first}:$A${guide.max_row}"
        append(guide, *(["", line] for line in explained.values()))
        offered = f"'{guide.title}'!$A${guide.max_row + 3}:$A${guide.max_row + 2 + len(notes)}" if notes else ""
        append(guide, *([[""], [str(COLUMNS["note"][0])], *([note] for note in notes)] if notes else ()))
        sheet = book.create_sheet(re.sub(r"[\[\]:*?/\\']", "-", name)[:31])
        _fill(sheet, [row for row in rows if row.kind == name], choices, offered)
    content = BytesIO()
    book.save(content)
    return content.getvalue()


def _explained(kind: Kind) -> dict[str, str]:
    """What the judge's prompt says of each label, and its other rules; what judges by a rubric gets all of it."""
    prompt = (kind.prompt or shipped_prompts()[kind.name].text).splitlines()
    lines = [line for line in prompt if _EXPLAINING.match(line)]
    found: dict[str, str] = {}
    for line in lines:
        label = next((one.text for one in kind.labels if re.match(rf"- {re.escape(one.text)}[：:]", line)), None)
        found[label or line] = line[len(label) + 3 :].strip() if label else line
    return found if found.keys() & kind.points.keys() else {line: line for line in prompt}


def _fill(sheet: "Worksheet", rows: Sequence[Row], choices: str, offered: str) -> None:
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    append(sheet, [str(name) for name, _ in COLUMNS.values()])
    append(sheet, *([getattr(row, column) for column in COLUMNS] for row in rows))
    for place, (_, width) in enumerate(COLUMNS.values(), 1):
        sheet.column_dimensions[get_column_letter(place)].width = width
        sheet.cell(1, place).font = Font(bold=True)
    sheet.freeze_panes = "A2"
    for column, listed, strict in (("label", choices, True), ("note", offered, False)):
        if listed:
            asked = DataValidation(type="list", formula1=listed, allow_blank=True, showErrorMessage=strict)
            asked.error = "请从下拉菜单里选择 choose from the list"
            letter = get_column_letter([*COLUMNS].index(column) + 1)
            asked.add(f"{letter}2:{letter}{len(rows) + 1}")
            sheet.add_data_validation(asked)


def append(sheet: "Worksheet", *rows: Sequence[str | int]) -> None:
    """Adds rows; text stays text, whatever it begins with."""
    from openpyxl.styles import Alignment, NamedStyle

    # By name, a style is not compared with all others at each cell.
    wrapped = Alignment(wrap_text=True, vertical="top")
    book = sheet.parent
    for name, form in ((_TEXT, "@"), (_NUMBER, "General")):
        if book is not None and name not in book.named_styles:
            book.add_named_style(NamedStyle(name=name, alignment=wrapped, number_format=form))
    above = sheet.max_row if sheet.cell(1, 1).value is not None else 0
    for line, row in enumerate(rows, above + 1):
        for place, value in enumerate(row, 1):
            cell = sheet.cell(line, place)
            if isinstance(value, int):
                cell.value, cell.style = value, _NUMBER
            else:
                cell.value, cell.style = cut(value), _TEXT
                cell.data_type, cell.quotePrefix = "s", True


def cut(text: str) -> str:
    """What of a text stands in its cell."""
    text = _ESCAPE.sub("_x005F_", text)
    units = text.encode("utf-16-le")
    if len(units) <= 2 * MOST:
        return text
    said = f"……（已截断，全文 {len(text)} 字，见 .jsonl；cut, {len(text)} characters in all）"
    return units[: 2 * (MOST - len(said))].decode("utf-16-le", errors="ignore") + said
