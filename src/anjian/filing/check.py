"""Checks a filing: files against their hashes, annexes against the run, results against the annexes, the report too."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from anjian.errors import UsageError
from anjian.filing.annexes import (
    ANNEX,
    HASHES,
    KEYWORDS,
    LABELS,
    PEOPLE,
    QUESTIONS,
    REPLIES,
    SAMPLE,
    annexes,
    read_annex,
    rows_shown,
)
from anjian.filing.document import TITLE, document
from anjian.filing.evidence import read_evidence
from anjian.filing.folder import RESULTS, RUN, Filing, open_filing
from anjian.filing.hashes import HASHES as LIST
from anjian.filing.hashes import changed, hashes_of
from anjian.filing.keywords import Keyword
from anjian.filing.recount import Annexes, recount
from anjian.filing.report import LATER, PAGE, WORD
from anjian.filing.results import Results, whole
from anjian.filing.standard import find_risk
from anjian.filing.word import load_docx, read_words
from anjian.items.lines import opened
from anjian.labels.sheets import cut, load_openpyxl, shown
from anjian.reports.blocks import render_blocks, words_of
from anjian.runs.folder import decoded, read_about

FILES: Final = (QUESTIONS, SAMPLE, REPLIES, LABELS, PEOPLE, KEYWORDS)


def check(folder: Path) -> list[str]:
    """Says all that does not agree, a line each; nothing where a filing is whole.

    Raises:
        UsageError: There is no `filing.toml`, or it is wrong; or a library is missing.
    """
    load_openpyxl()
    load_docx()
    try:
        filing = open_filing(folder)
    except UsageError as error:
        if not (folder / LIST).exists():
            raise
        return [str(error), *_said(changed(folder))]
    read: Annexes = {}
    found: list[Results] = []
    faults = [*_said(changed(folder)), *_said(_results(folder, found))]
    for file in FILES:
        faults += _said(_read(folder, file, read))
    faults += [*_said(_listed(folder)), *_said(_copied(folder, read))]
    for results in found:
        if len(read) == len(FILES):
            faults += _said(recount(filing, results, read))
        faults += [*_said(_asked(folder, results)), *_said(_reported(folder, filing, results))]
    return list(dict.fromkeys(faults))


def _said(faults: Iterable[str]) -> Iterator[str]:
    """Faults, the one that ends the looking among them."""
    try:
        yield from faults
    except UsageError as error:
        yield str(error)


def _results(folder: Path, found: list[Results]) -> Iterator[str]:
    results = decoded(folder / RESULTS, lambda text: msgspec.json.decode(text, type=Results))
    if not whole(results):
        raise UsageError(f"{folder / RESULTS} does not hold the rates and banks of a filing; write the report again")
    found.append(results)
    yield from ()


def _read(folder: Path, file: str, read: Annexes) -> Iterator[str]:
    read[file] = read_annex(folder, file)
    yield from ()


def _asked(folder: Path, results: Results) -> Iterator[str]:
    """Who was asked and who judged, against the run."""
    about, asked = read_about(folder / RUN), results.asked
    for what, held, found in (
        ("model", asked.model, about.run.get("model")),
        ("judge", asked.judge, about.run.get("judge")),
        ("created", asked.created, about.anjian.get("created")),
        ("notes", asked.notes, about.notes),
        ("items_sha256", asked.items_sha256, about.items.get("sha256")),
    ):
        if held != found:
            yield f"{RESULTS}: {what} is {held}, and the run says {found}"


def _listed(folder: Path) -> Iterator[str]:
    """The files against the annex of their hashes."""
    listed = {row[0]: row[-1] for rows in read_annex(folder, HASHES).values() for row in rows[1:]}
    now = {name: found for name, _, found in hashes_of(folder, LATER)}
    for name in sorted(listed.keys() | now.keys()):
        if listed.get(name) != now.get(name):
            yield f"{ANNEX}/{HASHES}: the SHA-256 of {name} is not that of the file"


def _copied(folder: Path, read: Annexes) -> Iterator[str]:
    """The annexes against what plan, run and review left."""
    for file, sheets in annexes(folder, read_evidence(folder), [*_library(read)]).items():
        for title, rows in sheets.items():
            held = read.get(file, {}).get(title)
            made = [[cut(cell) if isinstance(cell, str) else str(cell) for cell in row] for row in rows_shown(rows)]
            if held is not None and held != made:
                pairs = enumerate(zip(held, made, strict=False), 1)
                row = next((n for n, (one, other) in pairs if one != other), min(len(held), len(made)) + 1)
                yield f"{ANNEX}/{file}, sheet {title}, row {row}: not what the files of plan, run and review say"


def _library(read: Annexes) -> Iterator[Keyword]:
    """The keywords as the annex holds them: lists of the user's may lie elsewhere, and go on."""
    for row in read.get(KEYWORDS, {}).get("词库", [])[1:]:
        text, code, _, file = [*row, "", "", "", ""][:4]
        if text and (risk := find_risk(code)):
            yield Keyword(text, risk, file)


def _reported(folder: Path, filing: Filing, results: Results) -> Iterator[str]:
    """The Word file and the page against the results."""
    blocks = document(filing, results)
    written, wanted = list(read_words(folder / WORD)), [shown(text) for text in words_of(blocks) if text]
    if written != wanted:
        pairs = zip(written, wanted, strict=False)
        place, text = next(((one, other) for one, other in pairs if one != other), ("", "(its length)"))
        yield f"{WORD}: it says {place[:40]!r} where {text[:40]!r} follows from {RESULTS}"
    with opened(folder / PAGE) as file:
        if file.read() != render_blocks(TITLE, blocks).encode():
            yield f"{PAGE}: it is not the page that follows from {RESULTS}"
