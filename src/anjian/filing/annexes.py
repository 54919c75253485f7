"""The annexes: every question, reply, verdict and keyword of a filing, row by row, as spreadsheets.

What models write is hostile: no cell is a formula, hidden characters are shown by their code point, and what is longer
than a cell is cut, which it says; the whole reply stands in `run/replies.jsonl`.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Final

from anjian.errors import UsageError
from anjian.files import replace, writing
from anjian.filing.banks import Gap, gaps_of
from anjian.filing.evidence import KEYWORDS as LIBRARY
from anjian.filing.evidence import Evidence, Seen, passes
from anjian.filing.folder import GAPS, HITS, LISTS, questions, replies
from anjian.filing.folder import QUESTIONS as BANK_FILE
from anjian.filing.keywords import Keyword, find_hits, sizes_of
from anjian.filing.standard import BANKS, find_risk, load_standard
from anjian.items.lines import opened
from anjian.labels.sheets import append, shown
from anjian.reports.words import chinese, reason
from anjian.suites.gbt45654 import bank_of

Cells = Sequence[str | int]
Sheets = dict[str, list[Cells]]
"""Title to rows; the first is the heading."""
ANNEX: Final = "annex"
QUESTIONS: Final = "附件1-题库.xlsx"
SAMPLE: Final = "附件2-抽样.xlsx"
REPLIES: Final = "附件3-回复.xlsx"
LABELS: Final = "附件4-判定.xlsx"
PEOPLE: Final = "附件5-人工审核.xlsx"
KEYWORDS: Final = "附件6-关键词.xlsx"
HASHES: Final = "附件7-文件校验.xlsx"
SHEET_OF: Final = {
    "content": "生成内容",
    "refuse": "拒答",
    "answer": "非拒答",
    "content_people": "人工审核",
    "content_keywords": "逐题结果",
}
"""The sheet where a bank, or a rate of its own, stands."""
COUNTED: Final = {"refuse": ("拒答", "未拒答"), "answer": ("拒答", "未拒答")}
PASSED: Final = ("合格", "不合格")
UNSCORED: Final = "未评分"
OWN_REASONS: Final = {"people_open": "两位审核人意见不一，尚未复核", "people_blank": "审核人没有填写"}
_WIDTHS: Final = {
    "题号": 22, "风险": 34, "题目": 60, "回复": 90, "没有回复的原因": 22, "裁判": 20, "标签": 26, "未评分的原因": 26,
    "理由": 50, "来源": 20, "词表": 20, "词库": 20, "题库": 20, "关键词": 24, "文件": 44, "SHA-256": 70,
}  # fmt: skip
_NARROW: Final = 12


def why(key: str) -> str:
    """Why something is unscored, in Chinese."""
    return OWN_REASONS.get(key) or (chinese(reason(key)) if key else "")


def annexes(folder: Path, evidence: Evidence, library: Sequence[Keyword]) -> dict[str, Sheets]:
    """The annexes by file, but for that of the hashes.

    Raises:
        UsageError: The banks are not those that were counted, or the keywords not those that replies were reviewed by.
    """
    return {
        QUESTIONS: _questions(folder, evidence),
        SAMPLE: {SHEET_OF[bank]: _sampled(evidence.of(bank)) for bank in BANKS},
        REPLIES: {SHEET_OF[bank]: _replied(evidence.of(bank)) for bank in BANKS},
        LABELS: {SHEET_OF[bank]: _judged(bank, evidence.of(bank)) for bank in BANKS},
        PEOPLE: {SHEET_OF["content_people"]: _reviewed(evidence.of("content"))},
        KEYWORDS: _keywords(folder, evidence, library),
    }


def _questions(folder: Path, evidence: Evidence) -> Sheets:
    items = questions(folder)
    gaps = gaps_of(items)
    if gaps != [gap for bank in BANKS for gap in evidence.stocks.get(bank, ())]:
        raise UsageError(f"{folder / GAPS} does not count the questions of {BANK_FILE}; run `anjian filing plan` again")
    found: Sheets = {"统计": [("题库", "代码", "风险", "现有", "应有", "缺"), *_counts(gaps)]}
    for bank in BANKS:
        held = [item for item in items if bank_of(item) == bank]
        coded = [(item, risk) for item in held if (risk := find_risk(item.category))]
        rows = [
            (one.id, risk.code, risk.zh, "\n\n".join(one.turns), str(one.meta.get("file", "自带题库")))
            for one, risk in coded
        ]
        found[load_standard().bank(bank).zh] = [("题号", "代码", "风险", "题目", "来源"), *rows]
    return found


def _counts(gaps: Sequence[Gap]) -> Iterator[Cells]:
    for gap in gaps:
        size = load_standard().keywords if gap.bank == LIBRARY else load_standard().bank(gap.bank)
        yield size.zh, gap.code, gap.risk if gap.code else "总量", gap.have, gap.need, gap.short


def _sampled(seen: Sequence[Seen]) -> list[Cells]:
    return [
        ("序号", "题号", "代码", "风险", "题目"),
        *((n, *_which(one), one.question) for n, one in enumerate(seen, 1)),
    ]


def _which(one: Seen) -> tuple[str, str, str]:
    return one.id, one.code, one.risk


def _replied(seen: Sequence[Seen]) -> list[Cells]:
    rows = [(n, one.id, one.question, one.reply, why(one.failure)) for n, one in enumerate(seen, 1)]
    return [("序号", "题号", "题目", "回复", "没有回复的原因"), *rows]


def _judged(bank: str, seen: Sequence[Seen]) -> list[Cells]:
    head = ("序号", "题号", "代码", "风险", "裁判", "标签", "计为", "未评分的原因", "理由")
    rows: list[Cells] = []
    for number, one in enumerate(seen, 1):
        said, reasons = _counted(one.counts, one.unscored, COUNTED.get(bank, PASSED))
        rows.append((number, *_which(one), one.judge, one.label, said, reasons, one.analysis))
    return [head, *rows]


def _counted(hit: bool | None, unscored: str, words: tuple[str, str] = PASSED) -> tuple[str, str]:
    return (UNSCORED, why(unscored)) if hit is None else (words[not hit], "")


def _reviewed(seen: Sequence[Seen]) -> list[Cells]:
    head = ("序号", "题号", "代码", "风险", "审核人甲", "审核人乙", "复核人", "计为", "未评分的原因")
    marks = [[one.people.get(who, "") for who in "ABC"] for one in seen]
    counted = [_counted(*passes("content_people", one)) for one in seen]
    rows: list[Cells] = [
        (number, *_which(one), *mark, *said)
        for number, (one, mark, said) in enumerate(zip(seen, marks, counted, strict=True), 1)
    ]
    return [head, *rows]


def _keywords(folder: Path, evidence: Evidence, library: Sequence[Keyword]) -> Sheets:
    seen = evidence.of("content")
    rows = [
        (number, *_which(one), len(one.hits), *_counted(*passes("content_keywords", one)))
        for number, one in enumerate(seen, 1)
    ]
    hits = [(one.id, hit.keyword, hit.list, hit.risk, hit.position) for one in evidence.seen for hit in one.hits]
    if library and sizes_of(library) != [*evidence.stocks.get(LIBRARY, ())]:
        raise UsageError(
            f"{folder / LISTS} does not count the keywords as they are now; run `anjian filing review` again"
        )
    stored = Counter(hit for one in evidence.seen for hit in one.hits)
    if library and Counter(find_hits(library, replies(folder))) != stored:
        raise UsageError(
            f"{folder / HITS} is not what the keywords find in the replies; run `anjian filing review` again"
        )
    words = [(word.text, word.risk.code, word.risk.zh, word.list) for word in library]
    return {
        SHEET_OF["content_keywords"]: [("序号", "题号", "代码", "风险", "命中次数", "计为", "未评分的原因"), *rows],
        "命中": [("题号", "关键词", "词表", "代码", "位置"), *hits],
        "词库统计": [("词库", "代码", "风险", "现有", "应有", "缺"), *_counts(evidence.stocks.get(LIBRARY, ()))],
        "词库": [("关键词", "代码", "风险", "词表"), *words],
    }


def write_annex(folder: Path, file: str, sheets: Mapping[str, Sequence[Cells]]) -> None:
    """Writes one annex."""
    from openpyxl import Workbook
    from openpyxl.styles import Font, PatternFill
    from openpyxl.utils import get_column_letter

    book = Workbook()
    book.remove(book.worksheets[0])
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        append(sheet, *rows_shown(rows))
        sheet.freeze_panes = "A2"
        sheet.page_setup.orientation, sheet.page_setup.fitToHeight = "landscape", 0
        sheet.sheet_properties.pageSetUpPr.fitToPage = True
        sheet.print_title_rows = "1:1"
        for place, name in enumerate(rows[0], 1):
            sheet.column_dimensions[get_column_letter(place)].width = _WIDTHS.get(str(name), _NARROW)
            cell = sheet.cell(1, place)
            cell.font, cell.fill = Font(bold=True), PatternFill("solid", fgColor="E8EEF2")
        sheet.auto_filter.ref = sheet.dimensions
    content = BytesIO()
    book.save(content)
    path = folder / ANNEX / file
    with writing(path.parent):
        path.parent.mkdir(exist_ok=True)
    replace(path, content.getvalue())


def rows_shown(rows: Sequence[Cells]) -> list[Cells]:
    """Rows whose texts a file of XML can hold."""
    return [[shown(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]


def read_annex(folder: Path, file: str) -> dict[str, list[list[str]]]:
    """Reads an annex back, cell by cell as text.

    Raises:
        UsageError: The file is missing, or no whole spreadsheet; names it.
    """
    from openpyxl import load_workbook

    path = folder / ANNEX / file
    with opened(path) as opened_file:
        content = BytesIO(opened_file.read())
    try:
        book = load_workbook(content, read_only=True)
        return {
            sheet.title: [["" if cell is None else str(cell) for cell in row] for row in sheet.values]
            for sheet in book.worksheets
        }
    except Exception as error:
        words = str(error).splitlines()[:1]
        raise UsageError(
            f"{path} is no whole spreadsheet ({'; '.join(words)[:80]}); run `anjian filing report`"
        ) from None
