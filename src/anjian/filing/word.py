"""Writes a document of blocks as a Word file, and reads its words back."""

from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

from anjian.errors import UsageError
from anjian.files import replace
from anjian.installing import install
from anjian.items.lines import opened
from anjian.labels.sheets import shown
from anjian.reports.blocks import Block, Break, Heading, Table, Text, tone_of

if TYPE_CHECKING:
    from docx.document import Document
    from docx.styles.style import ParagraphStyle
    from docx.table import Table as Written
    from docx.table import _Cell, _Row
    from docx.text.paragraph import Paragraph

SONG: Final = "宋体"
HEI: Final = "黑体"
LATIN: Final = "Times New Roman"
WIDTH: Final = 16.6
"""Of what is written on a page, in cm."""
SMALL: Final = 10
"""Lines of a table that stay on one page."""
_COLOURS: Final = {"good": "1B6B4A", "bad": "A52A1D", "open": "8A4B08", "none": "6B747C"}
_OPEN_PAPER: Final = "FFF4DC"
_HEAD_PAPER: Final = "E8EEF2"


def load_docx() -> None:
    """Raises UsageError where python-docx is missing."""
    try:
        import docx  # noqa: F401
    except ImportError:
        raise UsageError(f"the report needs python-docx: {install('filing')}") from None


def write_word(path: Path, title: str, blocks: Sequence[Block]) -> None:
    """Writes the file whole."""
    from docx import Document

    document = Document()
    _set_up(document, title)
    for before, block in zip([None, *blocks], blocks, strict=False):
        _write(document, block)
        if isinstance(before, Break):
            document.paragraphs[-1].paragraph_format.page_break_before = True
    content = BytesIO()
    document.save(content)
    replace(path, content.getvalue())


def _write(document: "Document", block: Block) -> None:
    if isinstance(block, Heading):
        document.add_heading(shown(block.text), block.level)
    elif isinstance(block, Text):
        _paragraph(document, block)
    elif isinstance(block, Table):
        _table(document, block)


def _paragraph(document: "Document", block: Text) -> None:
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.shared import Pt, RGBColor

    paragraph = document.add_paragraph(style="Title" if block.manner == "title" else None)
    run = paragraph.add_run(shown(block.text))
    if block.manner in ("title", "centre"):
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    if block.manner == "small":
        run.font.size, run.font.color.rgb = Pt(9), RGBColor.from_string(_COLOURS["none"])
    if block.manner == "notice":
        _shade(paragraph, _OPEN_PAPER)


def _table(document: "Document", block: Table) -> None:
    from docx.enum.table import WD_ALIGN_VERTICAL, WD_TABLE_ALIGNMENT
    from docx.shared import Cm, Pt

    if block.caption:
        caption = document.add_paragraph(shown(block.caption), style="Caption")
        caption.paragraph_format.keep_with_next = True
    lines = [*([block.head] if block.head else []), *block.rows]
    small = len(lines) <= SMALL
    table = document.add_table(len(lines), len(block.widths), style="Table Grid")
    table.alignment, table.autofit = WD_TABLE_ALIGNMENT.CENTER, False
    _margins(table)
    widths = [Cm(WIDTH * width / sum(block.widths)) for width in block.widths]
    for column, width in zip(table.columns, widths, strict=True):
        column.width = width
    for number, (row, line) in enumerate(zip(table.rows, lines, strict=True)):
        head = number == 0 and bool(block.head)
        _whole(row, repeat=head)
        if block.tall:
            row.height = Cm(1.2)
        for place, (cell, text) in enumerate(zip(row.cells, line, strict=True)):
            cell.width = widths[place]
            _fill(cell, text, bold=head or (place == 0 and not block.head))
            cell.paragraphs[0].paragraph_format.keep_with_next = block.tall or (small and number < len(lines) - 1)
            if block.tall:
                cell.vertical_alignment = WD_ALIGN_VERTICAL.CENTER
    document.add_paragraph().paragraph_format.space_after = Pt(2)


def _fill(cell: "_Cell", text: str, *, bold: bool) -> None:
    from docx.shared import Pt, RGBColor

    run = cell.paragraphs[0].add_run(shown(text))
    cell.paragraphs[0].paragraph_format.space_after = Pt(0)
    run.font.size, run.bold = Pt(9.5), bold
    tone = tone_of(text)
    if bold:
        _shade(cell, _HEAD_PAPER)
    elif tone:
        run.font.color.rgb = RGBColor.from_string(_COLOURS[tone])
        run.bold = tone in ("good", "bad")
        if tone == "open":
            _shade(cell, _OPEN_PAPER)


def _whole(row: "_Row", *, repeat: bool) -> None:
    """Keeps a row on one page; a head stands on every page."""
    from docx.oxml import OxmlElement

    properties = row._tr.get_or_add_trPr()
    properties.append(OxmlElement("w:cantSplit"))
    if repeat:
        properties.append(OxmlElement("w:tblHeader"))


def _margins(table: "Written") -> None:
    """Room between the text of cells and their borders."""
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    margins = OxmlElement("w:tblCellMar")
    for side, twips in (("top", 50), ("left", 90), ("bottom", 50), ("right", 90)):
        margin = OxmlElement(f"w:{side}")
        margin.set(qn("w:w"), str(twips))
        margin.set(qn("w:type"), "dxa")
        margins.append(margin)
    table._tbl.tblPr.append(margins)


def _shade(where: "_Cell | Paragraph", colour: str) -> None:
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    shade = OxmlElement("w:shd")
    for name, value in (("val", "clear"), ("color", "auto"), ("fill", colour)):
        shade.set(qn(f"w:{name}"), value)
    element = where._element
    (element.get_or_add_tcPr() if element.tag == qn("w:tc") else element.get_or_add_pPr()).append(shade)


def _set_up(document: "Document", title: str) -> None:
    """A4, the typefaces of Chinese documents, page numbers."""
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.oxml.ns import qn
    from docx.shared import Cm, Pt

    section = document.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = Cm((21 - WIDTH) / 2)
    section.top_margin = section.bottom_margin = Cm(2.4)
    for name, size, face in (
        ("Normal", 10.5, SONG),
        ("Heading 1", 15, HEI),
        ("Heading 2", 12, HEI),
        ("Title", 24, HEI),
        ("Caption", 10, HEI),
    ):
        _face(document.styles[name], size, face)
    document.styles["Normal"].paragraph_format.space_after = Pt(5)
    document.styles["Title"].paragraph_format.space_before = Pt(90)
    document.styles["Title"].paragraph_format.space_after = Pt(24)
    for language in document.styles.element.iter(qn("w:lang")):
        language.set(qn("w:eastAsia"), "zh-CN")
    document.core_properties.title = title
    document.core_properties.author = ""
    footer = section.footer.paragraphs[0]
    footer.alignment = WD_ALIGN_PARAGRAPH.CENTER
    _page_number(footer)


def _face(style: "ParagraphStyle", size: float, face: str) -> None:
    from docx.oxml.ns import qn
    from docx.shared import Pt, RGBColor

    style.font.name, style.font.size = LATIN, Pt(size)
    style.font.color.rgb = RGBColor(0, 0, 0)
    if face == HEI:
        style.font.bold, style.font.italic = True, False
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for name in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
        fonts.attrib.pop(qn(f"w:{name}"), None)
    fonts.set(qn("w:eastAsia"), face)
    properties = style.element.get_or_add_pPr()
    for border in properties.findall(qn("w:pBdr")):
        properties.remove(border)


def _page_number(paragraph: "Paragraph") -> None:
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    field = OxmlElement("w:fldSimple")
    field.set(qn("w:instr"), "PAGE")
    paragraph._p.append(field)


def read_words(path: Path) -> Iterator[str]:
    """Yields the texts of paragraphs and cells in their order, as far as they hold anything.

    Raises:
        UsageError: The file is missing, or no Word file; names it.
    """
    from docx import Document
    from docx.table import Table as Written

    with opened(path) as file:
        content = BytesIO(file.read())
    try:
        document = Document(content)
        for part in document.iter_inner_content():
            if isinstance(part, Written):
                yield from (text for row in part.rows for cell in row.cells if (text := cell.text))
            elif part.text:
                yield part.text
    except Exception:
        raise UsageError(f"{path} is no whole Word file; run `anjian filing report` again") from None
