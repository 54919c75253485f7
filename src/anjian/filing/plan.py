"""The plan of a filing: `filing.toml` is written once, the gaps of the banks are counted, the sample is drawn."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from string import Template

import msgspec

from anjian.errors import UsageError
from anjian.files import replace, writing
from anjian.filing.banks import Gap, gaps_of, read_banks
from anjian.filing.folder import FILING, GAPS, QUESTIONS, SAMPLE, Bank, Filing, Sample, Thresholds, open_filing
from anjian.filing.sampling import draw
from anjian.filing.standard import BANKS, load_standard
from anjian.items.records import Item, encode
from anjian.reports.text import csv_text
from anjian.suites.gbt45654 import bank_of

KEYWORDS = "keywords.csv"


class Wanted(msgspec.Struct, frozen=True):
    """What the command asks for; None leaves it to `filing.toml`.

    Attributes:
        banks: Files of the user's, seen from the working directory, perhaps with the bank before: `content=FILE`.
        seed: Of the sample.
        content: How many questions of that bank; the others likewise.
        bundled: Whether the bundled questions are drawn from, too.
    """

    banks: tuple[str, ...] = ()
    seed: int | None = None
    content: int | None = None
    refuse: int | None = None
    answer: int | None = None
    bundled: bool | None = None


class Planned(msgspec.Struct, frozen=True):
    """A plan.

    Attributes:
        filing: What it was made by.
        gaps: What banks have and need.
        drawn: How many questions of each bank.
        short: Why the sample is smaller than wanted, or covers less; empty where it is whole.
        notes: What else the user should know.
    """

    filing: Filing
    gaps: list[Gap]
    drawn: dict[str, int]
    short: list[str]
    notes: list[str]


def plan(folder: Path, wanted: Wanted) -> Planned:
    """Makes the plan, or makes it anew from what `filing.toml` says now.

    Raises:
        UsageError: An option contradicts `filing.toml`, or a bank cannot be read; what was written stays, to be mended.
    """
    banks = [_bank(folder, given) for given in wanted.banks]
    if (folder / FILING).exists():
        filing = open_filing(folder)
        _compare(folder, filing, wanted, banks)
    else:
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        if not (folder / KEYWORDS).exists():
            replace(folder / KEYWORDS, files("anjian.filing").joinpath(KEYWORDS).read_bytes())
        replace(folder / FILING, _written(_sample(wanted), banks).encode())
        filing = open_filing(folder)
    held = read_banks(folder, filing)
    gaps, drawn = gaps_of(held.items), draw(held.items, filing.sample)
    if not drawn:
        raise UsageError(f"{folder / FILING} leaves no question to draw; name a bank, or set sample.bundled = true")
    lines = [(gap.bank, gap.risk, gap.code, gap.have, gap.need, gap.short) for gap in gaps]
    replace(folder / GAPS, csv_text([("bank", "risk", "code", "have", "need", "short"), *lines]).encode())
    replace(folder / QUESTIONS, b"".join(encode(item) + b"\n" for item in held.items))
    changed = _save(folder, drawn)
    counts = Counter(map(bank_of, drawn))
    notes = [*held.notes, *_smaller(filing.sample), *_untouched(held.items, drawn), *changed]
    return Planned(filing, gaps, {name: counts[name] for name in BANKS}, [*_short(filing, gaps, counts)], notes)


def _bank(folder: Path, given: str) -> Bank:
    """A bank from the command line: FILE, or content=FILE."""
    name, equals, file = given.partition("=")
    bank = next((one for one in BANKS if equals and one == name), None)
    path = Path(file if bank else given)
    if not path.is_file():
        raise UsageError(
            f"--bank {given}: there is no such file; write FILE, or content=FILE, refuse=FILE, answer=FILE"
        )
    return Bank(Path(os.path.relpath(path, folder)).as_posix(), bank)


def _sample(wanted: Wanted) -> Sample:
    """The sample that is asked for, each setting left open as the standard has it."""
    given = {name: getattr(wanted, name) for name in Sample.__struct_fields__}
    return Sample(**{name: value for name, value in given.items() if value is not None})


def _compare(folder: Path, filing: Filing, wanted: Wanted, banks: Sequence[Bank]) -> None:
    """Raises UsageError where an option contradicts what `filing.toml` says."""
    for name in Sample.__struct_fields__:
        given, held = getattr(wanted, name), getattr(filing.sample, name)
        if given is not None and given != held:
            raise UsageError(f"{folder / FILING} says {name} = {_toml(held)}; change it there, and leave out --{name}")
    for bank in banks:
        if not any(held.file == bank.file and bank.bank in (None, held.bank) for held in filing.banks):
            line = f"[[banks]] with file = {_toml(bank.file)}"
            raise UsageError(f"{folder / FILING} does not name --bank {bank.file}; add {line} there")


def _toml(value: object) -> str:
    """A plain value as TOML, which writes those as JSON does."""
    return msgspec.json.encode(value).decode()


def _written(sample: Sample, banks: Sequence[Bank]) -> str:
    """`filing.toml` with its comments."""
    standard = load_standard()
    width = max(map(len, Thresholds.__struct_fields__))
    lines = []
    for one in standard.thresholds:
        value = int(one.value) if one.name == "corpus_sample" else one.value
        lines.append(f"{one.name:{width}} = {_toml(value):6} # {one.zh}{'（不高于）' if one.at_most else '（不低于）'}")
    tables = []
    for bank in banks:
        kind = f"bank = {_toml(bank.bank)}\n" if bank.bank else ""
        tables.append(f"\n[[banks]]\nfile = {_toml(bank.file)}\n{kind}")
    template = Template(files("anjian.filing").joinpath("template.toml").read_text(encoding="utf-8"))
    values = {name: _toml(value) for name, value in msgspec.structs.asdict(sample).items()}
    return template.substitute(
        values, source=_toml(standard.source), thresholds="\n".join(lines), banks="".join(tables)
    )


def _save(folder: Path, drawn: Sequence[Item]) -> list[str]:
    """Writes the sample; says so where another one stood there."""
    path, content = folder / SAMPLE, b"".join(encode(item) + b"\n" for item in drawn)
    changed = path.exists() and path.read_bytes() != content
    replace(path, content)
    mend = "`anjian filing run` asks what is new, and keeps the replies that it has"
    return [f"the sample is another one than before; {mend}"] if changed else []


def _smaller(sample: Sample) -> Iterator[str]:
    """Where fewer are to be drawn than the standard asks for."""
    for name in BANKS:
        size, wanted = load_standard().bank(name), getattr(sample, name)
        if wanted < size.sample:
            yield f"{size.zh}: {wanted} to be drawn, fewer than the {size.sample} of the standard; a trial, no evidence"


def _untouched(held: Sequence[Item], drawn: Sequence[Item]) -> Iterator[str]:
    """Where a sample is too small for a question of every risk."""
    for name in BANKS:
        there, taken = ({item.category for item in items if bank_of(item) == name} for items in (held, drawn))
        if there - taken:
            zh = load_standard().bank(name).zh
            yield f"{zh}: the sample has no question of {len(there - taken)} of {len(there)} risks; draw more"


def _short(filing: Filing, gaps: Sequence[Gap], drawn: Counter[str]) -> Iterator[str]:
    """Where there are fewer questions than are to be drawn, or none of some risk."""
    for name in BANKS:
        zh, wanted = load_standard().bank(name).zh, getattr(filing.sample, name)
        if drawn[name] < wanted:
            had = f"has {drawn[name]}, and all of them were taken" if drawn[name] else "has none"
            yield f"{zh}: {wanted} to be drawn, but the bank {had}"
        if without := [gap.risk for gap in gaps if gap.bank == name and gap.code and not gap.have]:
            more = f" and {len(without) - 3} more" if len(without) > 3 else ""
            yield f"{zh}: no question of {'; '.join(without[:3])}{more}"
