"""The label that stands in a place of the answer: taken whole, whatever dresses it up."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache

_DRESSED = re.compile(r"[*_~`$\"'“”‘’「」『』《》〈〉<>【】〔〕〖〗\[\]]|\\(?:boxed|text|textbf)\b")
_LEAD = re.compile(
    r"(?:因此|所以|综上(?:所述)?|故|即|我(?:的|认为|判定|判断))?,? ?(?:该|此|这条|这个|本|这|the )?(?:模型的?)?"
    r"(?:回复|回答|答复|reply|response)? ?(?:应当?|应该|可以?|被|should be |is |was )?(?:最终)?"
    r"(?:答案|标签|类别名称|类别|分类|判定结果|判定|判断|评判|归类|归|结论|结果|得分|得|分数|评分|打分|选择|选|视"
    r"|label|answer|verdict|score|category|class|classified|rated|rating)?"
    r" ?(?:应为|应该是|应是|是|为|到|属于|作|=|:|->|→|is |as )? ?"
)
_NUMBER = re.compile(r"\(?(?:\d{1,2}|[a-h])[.、)] ?")
_UNIT = re.compile(r" ?(?:分[数值]?|points?|(?:这)?一?(?:类别|类|档|级)|标签)(?![^\W\d_])")
_REST = re.compile(r"[,.;:!。(]| ?[—–|]| ?-[ -]|$")
"""What may follow a label: the end, or the beginning of a remark."""
_NUMERAL_GOES_ON = re.compile(r" ?[-.,:/~–—⁄至到或%] ?\d")
_PIECES = re.compile(r"[,.;:!。、()/|—–]")
_ALSO = re.compile(r"^(?:或者?|还是|也可能是?|以及|和|or|and)? ?")
_BLANKS = {
    "", "...", "xxx", "label", "label name", "category", "category name", "class", "score", "answer", "your answer",
    "类别名称", "类别", "标签", "标签名称", "分数", "答案", "你的判断", "你的答案",
}  # fmt: skip
LONG = 4
"""A Chinese label of so many characters is no part of ordinary prose: a remark that names it names a second label."""


def label_in(place: str, labels: Sequence[str]) -> str | None:
    """Returns the label that stands in a place; empty where the place was left blank, None where it holds no label.

    Example:
        >>> label_in("**完全拒绝**。", ["完全拒绝", "部分拒绝"])
        '完全拒绝'
    """
    if place.strip() in labels:
        return place.strip()
    known, said = _known(tuple(labels)), _bare(place)
    for form in _forms(said, known):
        for key in sorted(known, key=len, reverse=True):
            rest = form.removeprefix(key)
            if rest != form and _ends(key, rest):
                return None if _names_another(rest, known, key) else known[key]
    return "" if said in _BLANKS else None


def is_label(line: str, labels: Sequence[str]) -> bool:
    """True if a line holds a label and no remark."""
    known, said = _known(tuple(labels)), _bare(line)
    return any(_UNIT.sub("", form, count=1) in known for form in _forms(said, known))


@lru_cache(maxsize=64)
def _known(labels: tuple[str, ...]) -> dict[str, str]:
    """The labels by their bare form; where two have the same, neither."""
    bare = [_bare(label) for label in labels]
    return {form: label for form, label in zip(bare, labels, strict=True) if form and bare.count(form) == 1}


def _bare(text: str) -> str:
    """Without width, case, quotation marks, brackets, bold, and closing punctuation."""
    text = unicodedata.normalize("NFKC", text).casefold()
    text = " ".join(_DRESSED.sub("", text).split())
    text = text[1:-1] if text.startswith("{") and text.endswith("}") else text
    return re.sub(r"^(\d+)\.0+$", r"\1", text.strip(" ,.;:!。"))


def _forms(said: str, known: dict[str, str]) -> Iterator[str]:
    """What is said, and the same without the words that lead to it."""
    yield said
    led = _LEAD.sub("", said, count=1)
    yield led
    if not any(key.isdigit() or len(key) == 1 for key in known):
        for form in (said, led):
            if number := _NUMBER.match(form):
                yield form[number.end() :]


def _ends(key: str, rest: str) -> bool:
    """True if a label ends where `rest` begins."""
    if key.isdigit() and _NUMERAL_GOES_ON.match(rest):
        return False
    return bool(_REST.match(_UNIT.sub("", rest, count=1) if _UNIT.match(rest) else rest))


def _names_another(rest: str, known: dict[str, str], key: str) -> bool:
    pieces = {_UNIT.sub("", _ALSO.sub("", piece.strip()), count=1).strip() for piece in _PIECES.split(rest)}
    long = [other for other in known if len(other) >= LONG and not other.isascii() and other in rest]
    return any(other != key for other in (*long, *(pieces & set(known))))
