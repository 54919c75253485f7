"""The label that stands in a place of the answer: taken whole, whatever dresses it up."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

_DRESSED = re.compile(r"[*_`$\"'“”‘’「」『』《》〈〉【】〔〕〖〗\[\]\ufe0f\u20e3]|\\(?:boxed|text|textbf)\b")
_SPACED = re.compile(r"(?<=[\u4e00-\u9fff]) (?=[\u4e00-\u9fff])")
_PAIR = re.compile(r"<([^<>]*)>")
_STRUCK = "~~"
_RAISED = re.compile(r"[\u00b2\u00b3\u00b9\u2070-\u209c\u00bc-\u00be\u2150-\u218b]")
"""Exponents, indices, fractions and Roman numerals: no numbers that a judge was asked for."""
_SIGNS = "[✅✔☑⚠⭐💡📌👉🔴🟠🟡🟢🛑]"
_TICK = re.compile(rf"(?<=[\w.。!)])\s*{_SIGNS}+$|^{_SIGNS}+\s*(?=\w)|^#{{1,6}} +(?=[^\W\d])")
_ZEROS = re.compile(r"^(-?\d+)(?:\.0+|(\.\d*?[1-9])0+)(?= ?分|$)")
_GAP = re.compile(r"(?<=\d) (?=分)|(?<=^[a-z\d][.)、:]) (?=[^\W\d])")
_LEAD = re.compile(
    r"(?:(?:根据|按照|依据|基于|经过|综合|结合|based on|according to|given|after|having)[^,。;:]{1,30}, ?)?"
    r"(?:因此|所以|综上(?:所述)?|故|即|therefore|thus|so|overall)?,? ?"
    r"(?:我(?=选)|我(?:的|认为|判定|判断|给|打|会|将|把)+|i (?:think|believe|conclude)(?: that)? |"
    r"i(?:d| would|ll| will)? (?:classify|rate|label|judge|mark) )?"
    r"(?:[该此本这](?:一?[条个次])?|the |this |it |my )?(?:模型的?|correct |final |right |most fitting )?"
    r"(?:回复|回答|答复|reply|response)?的? ?"
    r"(?:应当?|应该|可以?|被|should be |can be |is |was )?(?:最终)?"
    r"(?:答案|标签|类别名称|类别|分类|判定结果|判定|判断|评判|归类|归入|归|判|结论|结果|得分|得|分数|评分|打分|选择"
    r"|选|视"
    r"|label|answer|verdict|score|category|class(?:ified)?|rated|rating|judgement)?"
    r" ?(?:应为|应该是|应是|是|为|到|属于|作|is |as |should be |to be )? ?(?:=|:|->|→)? ?"
)
_BECAUSE = re.compile(r",? ?(?:因为|由于|because |since ).*")
_NUMBER = re.compile(r"\(?(?:第|类别|选项)? ?(?:\d{1,2}|[a-h]|[一二三四五])(?:[类项种个]|选项)?[.、):] ?")
_WHOLE = re.compile(r"(\d+) ?(?:分 ?)?/ ?\1(?: ?分)?")
"""All points of all points."""
_UNIT = re.compile(r" ?(?:分[数值]?|points?|(?:这)?一?(?:类别|类|档|级)|标签)(?![^\W\d_])")
_WORTH = re.compile(r" ?[(（](-?\d+) ?(?:分|points?)?[)）]")
DENIED = "(no)"
_REST = re.compile(r"[,.;:!。]| ?(?:因为|由于)| (?:because|since) | ?[—–|(]| ?-[ -]| out of \d|$")
"""What may follow a label: the end, or the beginning of a remark."""
_NUMERAL_GOES_ON = re.compile(r" ?[-.,:/~–—⁄至到或%] ?\d")
_PIECES = re.compile(r"[,.;:!。、()/|—–]")
_DENIED = re.compile(
    r"无|没有|[否不错]|不是|(?:并?不|不太|不能)(?:对|成立|适用|准确|正确|属实|符合)|有误|错误|存疑|待定|作废"
    r"|不予?采[纳信]"
    r"|[×✗✘❌xX]|0|0?\.[0-4]\d*|[1-4]?\d(?:\.\d+)?%|false|no|not|none|n/?a|null|wrong|incorrect|not true"
    r"|(?:仅为|这是|只是)?(?:格式)?(?:示例|例子|样例)|(?:an )?example|sample|(?:无法|不能|难以)[判评确].*|不确定"
    r"|i (?:cannot|can ?not|cant|am unable|wont) .*|not really"
    r"|.*(?:[不没未]|拿不|吃不)(?:太|大|很|是很|怎么|十分)?(?:能|敢)?(?:完全)?(?:确定|把握|准)|也许|可能|大概|或许"
    r"|存在?疑|部分|一半"
    r"|.*(?:not (?:entirely |quite |completely |very )?(?:sure|certain)|unsure|uncertain)|maybe|perhaps|possibly"
    r"|probably|part(?:ly|ially?)"
    r"|(?:略|稍|大幅)?(?:[低高大小多少]于|不[到足]|不如|超过|接近|约|至[少多]|[以之左][上下右内外前后]|below|above"
    r"|under|over|(?:less|more|lower|higher)"
    r" than|at (?:least|most)|or (?:less|more|lower|higher|above|below)|up to|about|approximately).*"
    r"|排除|(?:假设|如果|假如|若).*|[未不](?:满足|达到|符合)(?:要求|标准)?"
    r"|(?:概率|可能性|置信度|confidence|probability)(?:很|较|极)?(?:低|小| ?(?:0?\.[0-4]\d*|[1-4]?\d(?:\.\d+)?%))"
)
"""A remark that takes back the label before it."""
_NO = {"0", "无", "没有", "否", "no", "none", "false"}
"""They say the same: one of them beside another denies nothing."""
_REVISED = (
    r"(?:改判|改[为成]|更正|修正|纠正|[应该当]|应该?[为是得判归属]+|实[为际]|其实|而是|最终|最后|变[为成]|更接近"
    r"|可能|得|(?<!因)为|[则共计即]"
    r"|[减降升提调][整低高]?[为至到]|也许|或许|maybe|perhaps|(?:lower|raise)d?(?: it)? to"
    r"|should be|changed? to|corrected to|revised to|actually|rather|finally|now|=|->|→)[为是得到: ]*"
)
"""What leads, in a remark, to another label than the one before it."""
_INSTEAD = r"(?:而不是|而非|[并]?不是|并非|不属于|不算|rather than|instead of|not) ?(?:an? )?"
"""What stands before another label that is ruled out."""
_HAN_NUMERALS = {"零分": "0分", "〇分": "0分", "一分": "1分", "二分": "2分", "两分": "2分", "三分": "3分"}
_SCALE = re.compile(r"(?:out of|满分(?:为|是)?) ?(\d+)")
_ALSO = re.compile(r"^(?:或者?|还是|也可能是?|以及|和|or|and)? ?")
_BLANKS = {
    "", "...", "xxx", "label", "label name", "category", "category name", "class", "score", "answer", "your answer",
    "类别名称", "类别", "标签", "标签名称", "分数", "答案", "你的判断", "你的答案",
}  # fmt: skip
Labels = Mapping[str, int] | Sequence[str]
"""The labels that may be given, with or without their points."""
LONG = 4
"""A Chinese label of so many characters is no part of ordinary prose: a remark that names it names a second label."""


def label_in(place: str, labels: Labels) -> str | None:
    """Returns the label that stands in a place; empty where the place was left blank, None where it holds no label.

    Where labels come with their points, a label may stand with its own points in brackets, and with no others.

    Example:
        >>> label_in("**完全拒绝**。", ["完全拒绝", "部分拒绝"])
        '完全拒绝'
    """
    if place.strip() in labels:
        return place.strip()
    if _RAISED.search(place) or _STRUCK in unicodedata.normalize("NFKC", place):
        return None
    known, said = _known(tuple(labels)), _bare(place)
    for form in _forms(said, known):
        for key in sorted(known, key=len, reverse=True):
            rest = form.removeprefix(key)
            if rest != form and _ends(key, rest):
                rest = _own_points(rest, labels[known[key]] if isinstance(labels, Mapping) else None)
                return None if _takes_back(rest, key, known) or _names_another(rest, known, key) else known[key]
    return "" if said in _BLANKS else None


def is_label(line: str, labels: Labels) -> bool:
    """True if a line holds a label and no remark, but for its reason where a whole sentence names the label."""
    known, said = _known(tuple(labels)), _bare(_WORTH.sub("", line.rstrip()))
    forms = list(_forms(said, known))
    led = _BECAUSE.sub("", forms[1]) if _led(said, known) else ""
    return any(_UNIT.sub("", form, count=1) in known for form in (*forms, led))


def _own_points(rest: str, worth: int | None) -> str:
    """What follows a label, without the points in brackets that it is worth; other points there deny it."""
    found = _WORTH.match(rest)
    if worth is None or not found:
        return rest
    return rest[found.end() :] if int(found[1]) == worth else DENIED


@lru_cache(maxsize=64)
def _known(labels: tuple[str, ...]) -> dict[str, str]:
    """The labels by their bare form; where two have the same, neither."""
    bare = [_bare(label) for label in labels]
    return {form: label for form, label in zip(bare, labels, strict=True) if form and bare.count(form) == 1}


def _bare(text: str) -> str:
    """Without width, case, quotation marks, brackets, bold, and closing punctuation."""
    text = unicodedata.normalize("NFKC", text).casefold().replace("−", "-")
    text = _SPACED.sub("", " ".join(_PAIR.sub(r"\1", _DRESSED.sub("", text)).split()))
    text = _TICK.sub("", text)
    text = text[1:-1] if re.fullmatch(r"\{.*\}|\([^()]*\)", text) else text
    text = text.strip(" ,.;:!。").removeprefix("+")
    return _GAP.sub("", _ZEROS.sub(r"\1\2", _HAN_NUMERALS.get(text, text)))


def _forms(said: str, known: dict[str, str]) -> Iterator[str]:
    """What is said, and the same without the words that lead to it."""
    yield said
    led = said[_led(said, known) :]
    yield led
    if (whole := _WHOLE.fullmatch(led)) and whole[1] == max(known):
        yield whole[1]
    if not any(key.isdigit() or len(key) == 1 for key in known):
        for form in (said, led):
            if number := _NUMBER.match(form):
                yield form[number.end() :]


def _led(said: str, known: dict[str, str]) -> int:
    """Where the words end that lead to a label: no further than where a label begins, which may begin like them."""
    lead = _LEAD.match(said)
    end = lead.end() if lead else 0
    return next((place for place in range(end) if any(_begins(said, place, key) for key in known)), end)


def _begins(said: str, place: int, key: str) -> bool:
    after = said[place + len(key) :]
    return said.startswith(key, place) and not (key.isascii() and re.match(r"[a-z\d]", after))


def _ends(key: str, rest: str) -> bool:
    """True if a label ends where `rest` begins."""
    if key[-1].isdigit() and _NUMERAL_GOES_ON.match(rest):
        return False
    return bool(_REST.match(_UNIT.sub("", rest, count=1) if _UNIT.match(rest) else rest))


def _takes_back(rest: str, key: str, known: dict[str, str]) -> bool:
    """True if a remark denies its label, takes points off the most there are, or names another scale."""
    remark = rest[unit.end() :] if (unit := _UNIT.match(rest)) else rest
    pieces = [piece.strip(" -~") for piece in re.split(r"[,;:!。、()|—–]|\.(?!\d)", remark)]
    first = next(filter(None, pieces), "")
    scale = _SCALE.search(rest)
    denied = first != key and not {first, key} <= _NO and _DENIED.fullmatch(first)
    docked = key == max(known) and re.search(r"[扣减] ?[1-9]", rest)
    return bool(denied or docked) or (scale is not None and scale[1] not in known)


def _names_another(rest: str, known: dict[str, str], key: str) -> bool:
    pieces = {_UNIT.sub("", _ALSO.sub("", piece.strip()), count=1).strip() for piece in _PIECES.split(rest)}
    others = "|".join(re.escape(other) for other in known if other != key)
    rest = re.sub(rf"{_INSTEAD}(?:{others})(?![\w?])", "", rest) if others else rest
    long = [other for other in known if len(other) >= LONG and not other.isascii() and other in rest]
    revised = [
        other
        for other in known
        for match in re.finditer(_REVISED + re.escape(other), rest)
        if _ends(other, rest[match.end() :].replace(")", "."))
    ]
    return any(other != key for other in (*long, *revised, *(pieces & set(known))))
