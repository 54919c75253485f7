"""The questions that a filing draws from: the bundled banks, and the user's own with their columns and risks mapped."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Final

import msgspec

from anjian.filing.folder import FILING, Bank, Columns, Filing
from anjian.filing.rows import Row, read_rows
from anjian.filing.standard import BANKS, SUITE, BankName, Risk, find_risk, load_standard, risks, risks_of
from anjian.items.lines import refuse
from anjian.items.records import Item
from anjian.labels.tables import bare
from anjian.suites.gbt45654 import bank_of, bundled, fault_of

USUAL: Final[dict[str, tuple[str, ...]]] = {
    "text": ("问题", "题目", "试题", "测试题", "提问", "text", "question", "prompt", "turns"),
    "risk": ("风险", "风险类别", "安全风险", "风险类型", "类别", "方面", "risk", "category", "aspect"),
    "bank": ("题库", "题库类型", "bank", "task"),
    "id": ("编号", "题号", "id"),
}
"""What columns are called where `filing.toml` does not say."""
NEEDED: Final = ("text", "risk")
_SHOWN = 8


class Gap(msgspec.Struct, frozen=True):
    """What a bank, or a risk of it, has and needs; the line of the whole bank has no code."""

    bank: str
    risk: str
    code: str
    have: int
    need: int

    @property
    def short(self) -> int:
        """How many are missing."""
        return max(0, self.need - self.have)


class Held(msgspec.Struct, frozen=True):
    """The questions of all banks, and what the user should know of them."""

    items: list[Item]
    notes: list[str]


def read_banks(folder: Path, filing: Filing) -> Held:
    """Reads the banks that a filing names, each question once in a bank.

    Raises:
        UsageError: A file cannot be read, or risks in it are unknown; names every line and the mend.
    """
    notes: list[str] = []
    found: dict[tuple[str, str], Item] = {}
    ids: Counter[str] = Counter()
    for bank in filing.banks:
        items = _own(folder, bank)
        kept = [item for item in items if found.setdefault(_text(item), item) is item]
        if len(kept) < len(items):
            notes.append(f"{bank.file}: {len(items) - len(kept)} questions stood there before and count once")
        for item in kept:
            ids[item.id] += 1
            name = item.id if ids[item.id] == 1 else f"{item.id}-{ids[item.id]}"
            found[_text(item)] = msgspec.structs.replace(item, id=name)
    if filing.sample.bundled:
        for item in bundled():
            found.setdefault(_text(item), item)
    return Held(list(found.values()), notes)


def _text(item: Item) -> tuple[str, str]:
    return bank_of(item), bare("".join((*(said.content for said in item.history), *item.turns)))


def _own(folder: Path, bank: Bank) -> list[Item]:
    path = folder / bank.file
    rows = [row for row in read_rows(path, heads_of(bank.columns), NEEDED) if {*NEEDED} & {*row.cells}]
    known = {name: risk_of(row.cells.get("risk", ""), bank.risks) for row in rows if (name := row.cells.get("risk"))}
    refuse(path, [*_unknown(rows, known), *_without(rows)])
    items, faults = [], []
    for number, row in enumerate(rows, 1):
        risk = known[row.cells["risk"]]
        assert risk  # noqa: S101  (unknown ones were refused)
        item = Item(
            id=f"{path.stem}-{row.cells.get('id', f'{number:04}')}",
            suite=SUITE,
            category=risk.zh,
            turns=(row.cells["text"],),
            task=_bank_named(row.cells.get("bank", "")) or bank.bank or _bank_named(row.sheet),
            meta={"file": bank.file},
        )
        item = msgspec.structs.replace(item, task=bank_of(item), harmless=bank_of(item) == "answer")
        if row.cells.get("bank") and not _bank_named(row.cells["bank"]):
            faults.append(f"{row.place}: there is no bank {row.cells['bank']!r}; write {'、'.join(_titles().values())}")
        elif fault := fault_of(item):
            faults.append(f"{row.place}: {fault}")
        items.append(item)
    refuse(path, faults)
    return items


def heads_of(columns: Columns) -> dict[str, str]:
    """What columns are called: as the user says, or by the usual names."""
    given = {field: getattr(columns, field) for field in USUAL}
    return {name: field for field, usual in USUAL.items() for name in ((given[field],) if given[field] else usual)}


def _titles() -> dict[str, str]:
    return {name: load_standard().bank(name).zh for name in BANKS}


def _bank_named(written: str) -> BankName | str:
    """The bank that somebody means; empty where that is none."""
    stems = {name: title.removesuffix("测试题库") for name, title in _titles().items()}
    endings = ("", "题库", "测试题", "测试题库")
    called = {bare(text): name for name, stem in stems.items() for text in (name, *(stem + end for end in endings))}
    return called.get(bare(written), "")


def risk_of(written: str, mapped: Mapping[str, str]) -> Risk | None:
    """The risk that a user's name stands for, by the user's own table or by any of its names."""
    return find_risk(mapped.get(written, written))


def _unknown(rows: Sequence[Row], known: Mapping[str, Risk | None]) -> Iterator[str]:
    """A fault for each name of a risk that nobody knows, with the lines that have it."""
    for name in (name for name, risk in known.items() if risk is None):
        places = [row.place for row in rows if row.cells.get("risk") == name]
        yield f"{_listed(places)}: {unknown_risk(name)}"


def unknown_risk(name: str) -> str:
    """Says that there is no such risk, and the mend."""
    near = get_close_matches(name, [risk.zh for risk in risks()], 1, 0.4)
    meant = f" (perhaps {near[0]}?)" if near else ""
    return (
        f"{name[:40]!r} is no risk of the standard{meant}; write its name, its code (A.1-1) or the benchmark's letter "
        f'(B1), or map it in {FILING}: risks = {{ "{name[:40]}" = "A.1-1" }}'
    )


def _without(rows: Sequence[Row]) -> Iterator[str]:
    for field, what in (("text", "no question"), ("risk", "no risk")):
        if places := [row.place for row in rows if field not in row.cells]:
            yield f"{_listed(places)}: {what}; fill it in, or take the line out"


def _listed(places: Sequence[str]) -> str:
    more = f" and {len(places) - _SHOWN} more" if len(places) > _SHOWN else ""
    return f"{'; '.join(places[:_SHOWN])}{more}"


def gaps_of(items: Iterable[Item]) -> list[Gap]:
    """What each bank has against the standard, as a whole and for each of its risks."""
    have = Counter((bank_of(item), item.category) for item in items)
    found = []
    for size in load_standard().banks:
        inside = [
            Gap(size.name, risk.zh, risk.code, have[size.name, risk.zh], size.each[risk.area])
            for risk in risks_of(size)
        ]
        found += [Gap(size.name, size.zh, "", sum(gap.have for gap in inside), size.total), *inside]
    return found
