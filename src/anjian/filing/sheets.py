"""People review generated content: sheets go to A and B, come back with checks, and C settles what they disagree on.

Every row is one reply. What people filled in is never overwritten: where rows are added, what stands there stays.
"""

import random
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from anjian.files import replace, writing
from anjian.filing.folder import KEY, SHEETS, judged, open_filing
from anjian.filing.standard import risks
from anjian.items.lines import decode_lines, refuse
from anjian.judges.kinds import Kind, Label
from anjian.labels.sheets import Row, cut, load_openpyxl, shown, workbook
from anjian.labels.tables import Returned, bare, read_returned
from anjian.models.base import CONTENT_FILTER
from anjian.names import Name
from anjian.runs.folder import Replied
from anjian.scores.rows import Verdicted
from anjian.suites.gbt45654 import CONTENT

PASSED: Final = "合格"
FAILED: Final = "不合格"
WITHHELD: Final = "（服务的过滤器拦截了这次回复，没有输出内容。）"
"""What stands in the place of a reply that the service's filter stopped."""
_SHOWN = 10


class Entry(msgspec.Struct, frozen=True):
    """One line of the key: which item's reply stands on which row."""

    number: int
    id: str
    item: str


class Reviewed(msgspec.Struct, frozen=True):
    """What people said of the reply to one item, by reviewer A, B and C; who left it blank is not there."""

    item: str
    marks: dict[str, str]
    reasons: dict[str, str]

    @property
    def settled(self) -> str:
        """合格 or 不合格: what A and B agree on, or what C said; empty where that is open."""
        first, second = self.marks.get("A", ""), self.marks.get("B", "")
        return first if first == second else self.marks.get("C", "") if first and second else ""


class Written(NamedTuple):
    """A sheet that was written, and the numbers of rows that were added to one that came back without them."""

    path: Path
    added: list[int]


class People(msgspec.Struct, frozen=True):
    """What came back.

    Attributes:
        reviewed: By item.
        missing: The sheets (A, B) that are not there.
        odds: Items that A and B disagree on and C has not settled.
        notes: What the user should know.
    """

    reviewed: dict[str, Reviewed]
    missing: tuple[str, ...]
    odds: tuple[str, ...]
    notes: tuple[str, ...] = ()


@cache
def review_kind() -> Kind:
    """What people are asked about each reply."""
    prompt = files("anjian.filing").joinpath("review.md").read_text(encoding="utf-8")
    labels = Label(FAILED, 0, Name(FAILED, "fail"), "risky"), Label(PASSED, 1, Name(PASSED, "pass"), "guidance")
    return Kind("review", passes=1, labels=labels, prompt=prompt)


def rows_of(folder: Path) -> list[Row]:
    """A row for each reply that people can review: content that was generated, or stopped by the service's filter.

    Raises:
        UsageError: There is no finished run, or its files contradict themselves; names the file.
    """
    found = [(line, reply) for line, reply in judged(folder) if line.task == CONTENT.name]
    rows = [_row(line, reply) for line, reply in found if reply.answer or _withheld(line, reply)]
    random.Random(open_filing(folder).sample.seed).shuffle(rows)  # noqa: S311  (no secret)
    return rows


def _withheld(line: Verdicted, reply: Replied) -> bool:
    """True of a reply that a filter stopped, where that counts as the service's refusal."""
    return reply.failure == CONTENT_FILTER and line.points is not None


def _row(line: Verdicted, reply: Replied) -> Row:
    said = reply.answer or WITHHELD
    known = blake2b(msgspec.json.encode([line.id, reply.messages, said]), digest_size=6).hexdigest()
    question = reply.messages[0].content if len(reply.messages) == 1 else _dialogue(reply)
    # The number is given by the key; the letter keeps spreadsheets from taking digits for a number.
    return Row(0, f"r{known}", line.id, shown(question), shown(said))


def _dialogue(reply: Replied) -> str:
    roles = {"system": "系统", "user": "用户", "assistant": "模型"}
    return "\n\n".join(f"【{roles[message.role]}】{message.content}" for message in reply.messages)


def hand_out(folder: Path) -> list[Written]:
    """Writes the sheets that are missing or lack rows, that of C where A and B disagree; returns those written.

    Where no content was generated there is nothing to review, and no sheet.

    Raises:
        UsageError: A sheet that came back is wrong; see `read_people`.
    """
    load_openpyxl()
    rows = {row.id: row for row in rows_of(folder)}
    key = _extended(folder, rows.values())
    ids = [entry.id for entry in key if entry.id in rows]
    if not ids:
        return []
    written = [sheet for who in "AB" if (sheet := _written(folder, who, key, rows, ids))]
    odds = read_people(folder).odds
    back = _back(folder, "C", key, rows, ()) if _sheet(folder, "C").exists() else {}
    third = [entry.id for entry in key if entry.item in odds or entry.id in back]
    if third and (sheet := _written(folder, "C", key, rows, third)):
        written.append(sheet)
    return written


def _extended(folder: Path, rows: Collection[Row]) -> list[Entry]:
    """The key, with replies that came since it was written."""
    key = _key(folder)
    known = {entry.id for entry in key}
    new = [row for row in rows if row.id not in known]
    first = max((entry.number for entry in key), default=0) + 1
    key += [Entry(number, row.id, row.kind) for number, row in enumerate(new, first)]
    if new:
        path = folder / KEY
        with writing(path.parent):
            path.parent.mkdir(exist_ok=True)
        replace(path, b"".join(msgspec.json.encode(entry) + b"\n" for entry in key))
    return key


def _key(folder: Path) -> list[Entry]:
    return [entry for _, entry in decode_lines(folder / KEY, Entry)] if (folder / KEY).exists() else []


def _written(
    folder: Path, who: str, key: Sequence[Entry], rows: Mapping[str, Row], ids: Sequence[str]
) -> Written | None:
    """Writes a sheet unless it has all those rows; what was filled in stands there again."""
    path = _sheet(folder, who)
    back = _back(folder, who, key, rows, ()) if path.exists() else {}
    if path.exists() and {*ids} <= {*back}:
        return None
    numbers = {entry.id: entry.number for entry in key}
    added = [numbers[one] for one in ids if one not in back] if path.exists() else []
    order = [
        msgspec.structs.replace(
            rows[one],
            number=numbers[one],
            kind=review_kind().name,
            label=str(_title(back[one].label)) if one in back and back[one].label else "",
            note=back[one].note if one in back else "",
        )
        for one in ids
    ]
    random.Random(f"{open_filing(folder).sample.seed}/{who}").shuffle(order)  # noqa: S311  (no secret)
    path, reasons = folder / SHEETS[who], [risk.zh for risk in risks() if risk.benchmark_code]
    replace(path, workbook(order, {review_kind().name: review_kind()}, reasons))
    return Written(path, added)


def _title(mark: str) -> Name:
    return next(label.title for label in review_kind().labels if label.text == mark)


def _sheet(folder: Path, who: str) -> Path:
    """Where a sheet lies: as it was given out, or saved as another kind of table."""
    given = folder / SHEETS[who]
    return next((path for end in (".xlsx", ".csv", ".jsonl") if (path := given.with_suffix(end)).exists()), given)


def read_people(folder: Path) -> People:
    """Reads the sheets as they came back.

    Raises:
        UsageError: Rows are missing or unknown, texts were edited, or marks are none; names every row and the mend.
    """
    key = _key(folder)
    rows = {row.id: row for row in rows_of(folder)} if key else {}
    asked = [entry.id for entry in key if entry.id in rows]
    missing = tuple(who for who in "AB" if not _sheet(folder, who).exists())
    back = {who: _back(folder, who, key, rows, asked) for who in "AB" if who not in missing}
    back["C"] = _back(folder, "C", key, rows, ()) if _sheet(folder, "C").exists() else {}
    reviewed = {entry.item: _reviewed(entry, back) for entry in key if entry.id in rows}
    odds = [one.item for one in reviewed.values() if {"A", "B"} <= {*one.marks} and not one.settled]
    gone = len(key) - len(asked)
    notes = (
        [f"{gone} replies on the sheets were asked anew since; what was said of them no longer counts"] if gone else []
    )
    return People(reviewed, missing, tuple(odds), tuple(notes))


def _reviewed(entry: Entry, back: Mapping[str, Mapping[str, Returned]]) -> Reviewed:
    said = {who: sheet[entry.id] for who, sheet in back.items() if entry.id in sheet}
    marks = {who: row.label for who, row in said.items() if row.label}
    return Reviewed(entry.item, marks, {who: row.note for who, row in said.items() if row.note})


def _back(
    folder: Path, who: str, key: Sequence[Entry], rows: Mapping[str, Row], asked: Collection[str]
) -> dict[str, Returned]:
    """The rows of one sheet by id, checked, each mark 合格, 不合格 or empty."""
    path, by_id = _sheet(folder, who), {entry.id: entry for entry in key}
    by_number = {str(entry.number): entry for entry in key}
    found: dict[str, Returned] = {}
    faults: list[str] = []
    for row in read_returned(path):
        entry, mark = by_id.get(row.id.lower()) if row.id else by_number.get(row.number), _mark(row.label)
        if entry is None:
            named = f"id {row.id[:20]!r}" if row.id else f"number {row.number[:20]!r}"
            faults.append(f"{row.place}: {named} is none of this filing; copy it from the key, {KEY}")
        elif fault := _fault(row, entry, rows.get(entry.id)):
            faults.append(f"{row.place}: {fault}")
        elif mark is None:
            faults.append(
                f"{row.place}: {row.label[:40]!r} is neither {PASSED} nor {FAILED}; choose one, or leave it blank"
            )
        elif entry.id in found and mark and found[entry.id].label not in ("", mark):
            faults.append(f"{row.place}: number {entry.number} stands there twice, with both marks; keep one")
        elif entry.id not in found or mark:
            found[entry.id] = msgspec.structs.replace(row, label=mark)
    refuse(path, [*faults, *_missing([one for one in asked if one not in found], by_id, who) * (not faults)])
    return {one: row for one, row in found.items() if one in rows}


def _mark(written: str) -> str | None:
    """What a mark says, written in Chinese, in English or both; None where it is none."""
    called = {bare(name): one.text for one in review_kind().labels for name in (*one.title, str(one.title))}
    return called.get(bare(written)) if written else ""


def _fault(row: Returned, entry: Entry, given: Row | None) -> str:
    if row.number and row.number != str(entry.number):
        return f"number {row.number[:20]!r} does not belong to id {entry.id}; sorted apart: take the sheet as it was"
    if given:
        for what in ("question", "reply"):
            text, written = getattr(given, what), bare(getattr(row, what))
            if written not in (bare(text), bare(cut(text))):
                where = f"{what} of number {entry.number}"
                return f"the {where} was edited; put it back as it was given out, the mark stays"
    return ""


def _missing(lost: Sequence[str], by_id: Mapping[str, Entry], who: str) -> list[str]:
    if not lost:
        return []
    numbers = ", ".join(str(by_id[one].number) for one in lost[:_SHOWN])
    more = " …" if len(lost) > _SHOWN else ""
    mend = "put them back, or `anjian filing review` adds them, to be marked anew"
    return [f"{len(lost)} rows are missing from the sheet of {who} (numbers {numbers}{more}); {mend}"]
