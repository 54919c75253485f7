"""What people said of the replies of a run: checked row by row, kept by person, and settled."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from anjian.errors import UsageError
from anjian.files import file_name, locked, replace
from anjian.items.lines import decode_lines, refuse
from anjian.judges.kinds import Kind
from anjian.labels.drawing import Entry
from anjian.labels.pool import LABELS, Pool
from anjian.labels.sheets import Row, rows_of
from anjian.labels.tables import Returned, bare, read_returned

PEOPLE = "people"
SETTLED = "settled.jsonl"
_TOLD = 400
"""Characters that tell a text from others."""


class Said(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one person said of one reply; an empty label is none."""

    id: str
    number: int
    person: str
    label: str = ""
    note: str = ""


def read_people(files: Sequence[Path], pool: Pool, entries: Sequence[Entry]) -> dict[str, list[Said]]:
    """Reads sheets, each of the person that its file is named after.

    Raises:
        UsageError: Names every fault of every file with its place and the mend.
    """
    people: dict[str, list[Said]] = {}
    refused = []
    for path in files:
        if twice := next((name for name in people if name.casefold() == path.stem.casefold()), None):
            raise UsageError(f"{path}: two files of {twice}; give one file for each person, named after them")
        people[path.stem] = []
        try:
            people[path.stem] = _read(path, pool, entries)
        except UsageError as error:
            refused.append(str(error))
    if refused:
        raise UsageError("\n".join(refused))
    return people


def _read(path: Path, pool: Pool, entries: Sequence[Entry]) -> list[Said]:
    """Checks every row; the same row twice counts once."""
    by_id = {entry.id: entry for entry in entries if entry.number is not None}
    by_number = {str(entry.number): entry for entry in by_id.values()}
    texts, kinds = _texts(pool, entries), pool.kinds
    found: dict[str, tuple[Said, str]] = {}
    faults: list[str] = []
    for row in read_returned(path):
        entry = by_id.get(row.id.lower()) if row.id else by_number.get(row.number)
        if fault := _misplaced(row, entry, texts):
            faults.append(f"{row.place}: {fault}")
        if entry is None or fault:
            continue
        label = _label(row.label, kinds[entry.kind]) if row.label else ""
        if label is None:
            titles = "、".join(str(one.title) for one in kinds[entry.kind].labels)
            faults.append(f"{row.place}: label {row.label[:60]!r} is none of {titles}; correct it, or leave it blank")
            continue
        said = Said(entry.id, entry.number or 0, path.stem, label, row.note)
        before, place = found.setdefault(entry.id, (said, row.place))
        if before.label and label and before.label != label:
            faults.append(
                f"{row.place}: number {entry.number} is {label!r} here and {before.label!r} in {place}; keep one"
            )
        elif label:
            found[entry.id] = (said, row.place)
    refuse(path, faults)
    if not any(said.label for said, _ in found.values()):
        raise UsageError(f"{path} holds no labels; fill in its column `label`, or leave the file out")
    return [said for said, _ in found.values()]


def _texts(pool: Pool, entries: Sequence[Entry]) -> dict[str, set[str]]:
    """The ids that stand beside each question with its reply."""
    texts: dict[str, set[str]] = {}
    for row in rows_of(pool, [entry for entry in entries if entry.id in pool.judged]):
        texts.setdefault(_text(row), set()).add(row.id)
    return texts


def _text(row: Row | Returned) -> str:
    """What tells a question and its reply from others, whatever spreadsheets make of their ends."""
    return f"{bare(row.question)[:_TOLD]}/{bare(row.reply)[:_TOLD]}" if row.question and row.reply else ""


def _misplaced(row: Returned, entry: Entry | None, texts: Mapping[str, set[str]]) -> str:
    """Why a row cannot be told from others; empty where it can."""
    if not row.id and not row.number:
        return f"label {row.label[:60]!r} without an id; copy the id from the sheet that was given out"
    if entry is None:
        what = f"id {row.id[:40]!r}" if row.id else f"number {row.number[:40]!r}"
        return f"{what} is none of this run's sheets; give the run that they were exported from"
    mend = "the columns were sorted apart; take the sheet as it was before"
    if row.number and row.number != str(entry.number):
        return f"number {row.number[:40]!r} does not belong to id {entry.id!r}; {mend}"
    if entry.id not in texts.get(_text(row), entry.id):
        return f"the texts beside number {entry.number} are those of another; {mend}"
    return ""


def _label(text: str, kind: Kind) -> str | None:
    """The label of a kind, written as it is, or by its Chinese or English title, or both."""
    if text in kind.points:
        return text
    called = {
        label.text: {bare(one) for one in (label.text, *label.title, str(label.title))} - {""} for label in kind.labels
    }
    found = [label for label, names in called.items() if bare(text) in names]
    return found[0] if len(found) == 1 else None


def save_people(pool: Pool, entries: Sequence[Entry], people: Mapping[str, Sequence[Said]]) -> None:
    """Keeps what people said in the run; what a person said before is replaced, kind by kind.

    A CSV holds one sheet: who labelled several kinds of question gives one after the other.
    """
    folder = pool.folder / LABELS / PEOPLE
    kinds = {entry.id: entry.kind for entry in entries}
    with locked(pool.folder):
        folder.mkdir(exist_ok=True)
        for person, said in people.items():
            path = folder / f"{file_name(person)}.jsonl"
            given = {kinds[one.id] for one in said}
            before = _said(path) if path.exists() else []
            replace(path, _lines([*(one for one in before if kinds.get(one.id) not in given), *said]))


def save_settled(pool: Pool, settled: Sequence[Said]) -> None:
    """Keeps what was settled where people were at odds; what was settled before and not now stays."""
    kept = {one.id: one for one in (*read_settled(pool), *settled) if one.label}
    with locked(pool.folder):
        replace(pool.folder / LABELS / SETTLED, _lines([*kept.values()]))


def _lines(said: Sequence[Said]) -> bytes:
    return b"".join(msgspec.json.encode(one) + b"\n" for one in said)


def read_settled(pool: Pool) -> list[Said]:
    """What was settled by hand."""
    path = pool.folder / LABELS / SETTLED
    return [one for _, one in decode_lines(path, Said)] if path.exists() else []


def kept_people(pool: Pool) -> dict[str, dict[str, Said]]:
    """By person and id, what people said of replies, blanks included.

    Raises:
        UsageError: Nothing has been imported yet.
    """
    paths = sorted((pool.folder / LABELS / PEOPLE).glob("*.jsonl"))
    found = {said[0].person: {one.id: one for one in said} for path in paths if (said := _said(path))}
    if not found:
        raise UsageError(f"{pool.folder} has no labels yet; `anjian label import {pool.folder} FILE…` takes sheets in")
    return found


def _said(path: Path) -> list[Said]:
    return [one for _, one in decode_lines(path, Said)]


def settle(votes: Sequence[str], kind: Kind) -> str | None:
    """The label that most gave; where none leads, the median of three or more, if it is one label.

    None where people are at odds.
    """
    counts = Counter(votes).most_common()
    if len(counts) == 1 or (counts and counts[0][1] > counts[1][1]):
        return counts[0][0]
    order = [label.text for label in kind.labels]
    ranks = sorted(map(order.index, votes))
    middle = {ranks[len(ranks) // 2], ranks[(len(ranks) - 1) // 2]} if len(ranks) > 2 else set()
    return order[middle.pop()] if len(middle) == 1 else None


def votes_of(people: Mapping[str, Mapping[str, Said]], entry: Entry) -> dict[str, str]:
    """By person, the label of one reply; who left it blank has none."""
    return dict(_votes(people, entry))


def _votes(people: Mapping[str, Mapping[str, Said]], entry: Entry) -> Iterator[tuple[str, str]]:
    for person, said in people.items():
        if entry.id in said and said[entry.id].label:
            yield person, said[entry.id].label
