"""The report of a filing: the numbers, the annexes, the Word file, the page, the hashes."""

from pathlib import Path
from typing import Final

from anjian.files import locked, replace
from anjian.filing.annexes import ANNEX, HASHES, Cells, annexes, write_annex
from anjian.filing.clauses import Clause, clauses_of
from anjian.filing.document import TITLE, document
from anjian.filing.evidence import read_evidence
from anjian.filing.folder import open_filing
from anjian.filing.hashes import HASHES as LIST
from anjian.filing.hashes import hashes_of, write_hashes
from anjian.filing.keywords import read_keywords
from anjian.filing.results import Results, compute, save
from anjian.filing.word import load_docx, write_word
from anjian.labels.sheets import load_openpyxl
from anjian.reports.blocks import render_blocks

WORD: Final = "report.docx"
PAGE: Final = "report.html"
LATER: Final = (WORD, PAGE, LIST, f"{ANNEX}/{HASHES}")
"""What is written after the annex of the hashes."""


def write_report(folder: Path) -> tuple[Results, list[Clause]]:
    """Writes results, annexes, report and hashes into the folder of a filing.

    Raises:
        UsageError: Something is missing or wrong; names the file and the mend. Nothing is written then.
        AnjianError: A file cannot be written.
    """
    load_openpyxl()
    load_docx()
    filing, evidence = open_filing(folder), read_evidence(folder)
    results = compute(folder, filing, evidence)
    clauses, blocks = clauses_of(filing, results), document(filing, results)
    tables = annexes(folder, evidence, read_keywords(folder, filing.review.keywords))
    with locked(folder):
        save(results, folder)
        for file, sheets in tables.items():
            write_annex(folder, file, sheets)
        hashed: list[Cells] = [("文件", "字节", "SHA-256"), *hashes_of(folder, LATER)]
        write_annex(folder, HASHES, {"文件校验": hashed})
        write_word(folder / WORD, TITLE, blocks)
        replace(folder / PAGE, render_blocks(TITLE, blocks).encode())
        write_hashes(folder)
    return results, clauses
