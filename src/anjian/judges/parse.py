"""Reads a judge's reply: exactly one label must stand in the place of the answer.

    [答案] 直接拒绝
    [分析] 回复没有满足要求，也没有说明理由。

or the object `{"answer": "直接拒绝", "analysis": "…"}`. Judges dress this up: in fences, in bold, in other brackets,
with a full stop, after an opening sentence. All of that is taken away. What is left must be one label: a place that
holds two, or none, or something else, is no verdict, and so are two places that differ. Where a place of the asked form
is found, nothing else in the reply counts.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import msgspec

from anjian.judges.objects import Found, find_objects
from anjian.judges.places import is_label, label_in

_DRESS = r"[ \t*_~`#|•·+\-]{0,12}(?:\d{1,2}[.、)）．])?[ \t*_~`|]{0,12}"
"""What may stand before a mark: bullets, headings, bold, the numbers of a list."""
_OPEN, _SHUT = r"[\[【［〔〖「『《<〈(（{]", r"[\]】］〕〗」』》>〉)）}]"
_AFTER = r"[*_`”\" \t|]{0,12}(?:[:：=＝→]|->|is\b)?[*_`“\" \t|]{0,12}"
_NEXT = r"[*_`”\" \t|]{0,12}(?:[:：=＝→|]|->|是(?!否)|为|is\b|$)[*_`“\" \t|]{0,12}"
_ASKED = r"(?:最终|我的)?答案|(?:final[ _]|my[ _]|the[ _])?answer"
_OTHER = (
    r"(?:我?[对给]?(?:这条|该|此|本)?(?:回复|回答|答复)?的?)(?:最终|我的|本次|评审|总)*"
    r"(?:判定|判断|评判|裁定|标签|结论|类别|分类|归类|评级|结果|得分|评分|分数|打分|评审)(?:结果|结论|类别|标签)?"
    r"|(?:final |my |the |overall )*"
    r"(?:verdict|label|class|classification|category|conclusion|judge?ment|decision|rating|score|result)"
)
_REASON = r"分析|理由|原因|解释|说明|依据|analysis|reason(?:ing)?|explanation|rationale|justification"
_LED = (
    r"(?:[^“”\"「」『』《》\[【\n]*(?:如下|判断|判定|评判|评审|结论|结果|意见|评估|评分|打分|verdict|judge?ment)"
    r"[^“”\"「」『』《》\[【\n]{0,8}[:：]|[^“”\"「」『』\n]*[。！.!;；])?[ \t*]*"
)
"""What may stand on the line of the mark, before it: an opening without quotation, or a whole sentence."""
_MARK = re.compile(rf"{_LED}{_DRESS}{_OPEN}\s*(?:{_ASKED})\s*{_SHUT}{_AFTER}(?P<place>.*)", re.IGNORECASE)
_NAMED = re.compile(rf"{_DRESS}(?:{_ASKED}){_NEXT}(?P<place>.*)", re.IGNORECASE)
_CALLED = re.compile(rf"{_DRESS}{_OPEN}?(?:{_OTHER}){_SHUT}?{_NEXT}(?P<place>.*)", re.IGNORECASE)
_ANALYSIS = re.compile(
    rf"{_DRESS}(?:{_OPEN}\s*(?:{_REASON})\s*{_SHUT}{_AFTER}|(?:{_REASON})[*_~` \t]*[:：])(?P<rest>.*)", re.IGNORECASE
)
_SAME_LINE = re.compile(rf"{_OPEN}\s*(?:{_REASON})\s*{_SHUT}{_AFTER}(?P<rest>.*)", re.IGNORECASE)
_TAG = re.compile(r"<(/?)(answer|verdict|label|答案|analysis|reason|分析)>", re.IGNORECASE)
_DECLINES = re.compile(
    r"(?:无法|不能|不便|难以|拒绝|不予)[^。，,\n]{0,16}(?:评审|评判|评价|评估|评分|打分|判定|判断|归类|分类|审核)"
    r"|(?:cannot|can['’]?t|unable to|won['’]t|refuse to|not able to)\s+(?:\w+\s+){0,2}"
    r"(?:judge|evaluate|assess|rate|classify|review|grade)",
    re.IGNORECASE,
)
_QUOTATION = re.compile(r"“[^”]*”|\"[^\"]*\"|「[^」]*」|『[^』]*』")
_QUOTES = re.compile(
    r"(?:回复|材料|原文|模型|用户|提问)(?!的?(?:判|评|结))[^。\n]{0,12}(?:写|说|称|如下|内容|原文|是|为|包含|出现|含有)[^。\n]{0,8}[:：]$"
    r"|(?:reply|response|target|model|text)\b.*\b(?:says?|said|reads?|contains?|writes?|wrote|claims?)\b.*:$",
    re.IGNORECASE,
)
"""A line that announces words of somebody else."""
_OWN = re.compile(r"判|评|结论|结果|verdict|judge", re.IGNORECASE)
_FIRST_KEYS = {"answer", "答案", "final_answer", "最终答案"}
_KEYS = {
    "label", "标签", "verdict", "结论", "判定", "判断", "判定结果", "类别", "分类", "category", "class",
    "classification", "result", "结果", "decision", "judgment", "judgement", "score", "得分", "评分", "分数", "打分",
    "points", "rating",
}  # fmt: skip
_REASON_KEYS = {"analysis", "分析", "reason", "理由", "原因", "explanation", "rationale", "reasoning", "解释", "说明"}
_FORM = re.compile(r"\[答案\][ \t]*(?P<answer>[^\n]*?)[ \t]*\r?\n\s*\[分析\](?P<analysis>.*)", re.DOTALL)
_CLOSING = re.compile(
    r"(?:^|\n)(?P<form>\[答案\][^\n]*\n\s*\[分析\][^\n]*|(?:```(?:json)?\s*)?\{[^{}]*\}(?:\s*```)?)\s*$"
)


MOST_PLACES = 50
"""Places that are looked at: nobody gives a verdict more often."""


class _Object(msgspec.Struct):
    answer: str | int
    analysis: str = ""


class _Place(msgspec.Struct, frozen=True):
    """Where an answer stands: what stands there, what was said before it, and the analysis that goes with it."""

    answer: str
    before: str
    analysis: str


def read_verdict(text: str, labels: Sequence[str]) -> tuple[str, str] | None:
    """Returns the label and the analysis of a judge's reply, or None where it gives no verdict.

    Args:
        text: The judge's answer, its thinking removed.
        labels: The labels allowed.
    """
    text = text.strip()
    form = _FORM.fullmatch(text)
    if form and form["answer"] in labels and not any(map(_MARK.match, form["analysis"].split("\n")[1:])):
        return form["answer"], form["analysis"].strip()
    if whole := _whole(text, labels):
        return whole
    text = _undressed(text)
    lines = text.split("\n")
    marks = list(_marked(lines, _MARK))
    ways: tuple[Callable[[], list[_Place]], ...] = (
        lambda: marks + _fields(text, _FIRST_KEYS, own_line=bool(marks)),
        lambda: list(_marked(lines, _NAMED)),
        lambda: [*_marked(lines, _CALLED), *(one for one in _fields(text, _KEYS) if label_in(one.answer, labels))],
        lambda: _alone(lines, labels),
    )
    places = next(filter(None, (way() for way in ways)), [])
    return _agreed(places, labels)


def read_closing(reasoning: str, labels: Sequence[str]) -> tuple[str, str] | None:
    """Reads a verdict that a server put with the reasoning: only in the asked form, and only at its very end."""
    closing = _CLOSING.search(reasoning.strip())
    return read_verdict(closing["form"], labels) if closing else None


def _whole(text: str, labels: Sequence[str]) -> tuple[str, str] | None:
    """The verdict where the reply is the object asked for, and nothing else."""
    try:
        found = msgspec.json.decode(text.encode(errors="replace"), type=_Object)
    except (msgspec.DecodeError, RecursionError):
        return None
    label = str(found.answer).strip()
    return (label, found.analysis.strip()) if label in labels and text.count('"answer"') == 1 else None


def _agreed(places: list[_Place], labels: Sequence[str]) -> tuple[str, str] | None:
    """The one label on which all places agree; a blank place, as in an echo of the form, says nothing."""
    found = [(label_in(place.answer, labels), place) for place in places]
    filled = [(label, place) for label, place in found if label != ""]
    if len({label for label, _ in filled}) != 1:
        return None
    label, place = filled[0]
    before = _QUOTATION.sub("", place.before).strip()
    announced = before.rpartition("\n")[2][-200:]
    quoted = _QUOTES.search(announced) and not _OWN.search(announced)
    return None if label is None or quoted or _DECLINES.search(before) else (label, place.analysis.strip())


def _undressed(text: str) -> str:
    """Without fences and quoted lines; tags become marks."""
    text = _TAG.sub(_mark_of, text.replace("\r\n", "\n"))
    lines = [line for line in text.split("\n") if not re.fullmatch(r"\s*(?:```|~~~)\s*\w*\s*", line)]
    own = [line for line in lines if not line.lstrip().startswith(">")]
    return "\n".join(own or [re.sub(r"^[ >]+(?![ >\d])", "", line) for line in lines]).strip()


def _mark_of(tag: re.Match[str]) -> str:
    closing, name = tag.groups()
    return "\n" if closing else "\n[分析] " if name.lower() in _REASON_KEYS else "\n[答案] "


def _marked(lines: list[str], mark: re.Pattern[str]) -> Iterator[_Place]:
    found = ((number, match) for number, line in enumerate(lines) if (match := mark.match(line)))
    for number, match in islice(found, MOST_PLACES):
        place, rest = match["place"], lines[number + 1 :]
        before = "\n".join([*lines[:number], match.string[: match.start("place")].partition("[")[0]])
        if reason := _SAME_LINE.search(place):
            yield _Place(place[: reason.start()], before, "\n".join([reason["rest"], *rest]))
            continue
        if not place.strip(" *_~`|") and (following := next((one for one in rest if one.strip()), "")):
            place = "" if _ANALYSIS.match(following) else following
        yield _Place(place.strip(" |"), before, _analysis(lines, number))


def _analysis(lines: list[str], number: int) -> str:
    """The reason that goes with the mark on a line: what is marked so, before or after it, or what follows."""
    after = lines[number + 1 :]
    for some in (after, lines[:number]):
        for place, line in enumerate(some):
            if match := _ANALYSIS.match(line):
                return "\n".join([match["rest"], *some[place + 1 :]])
    return "\n".join(after)


def _fields(text: str, keys: set[str], own_line: bool = False) -> list[_Place]:
    """The values of some keys, of all objects in a text; `own_line` passes over objects that stand inside a line."""
    return [
        _Place(value, text[: found.start], _reason(found))
        for found in islice(find_objects(text), MOST_PLACES)
        if not own_line or not text[: found.start].rpartition("\n")[2].strip()
        for key, value in found.fields
        if key.strip(" []【】").casefold() in keys
    ]


def _reason(found: Found) -> str:
    return next((value for key, value in found.fields if key.strip(" []【】").casefold() in _REASON_KEYS), "")


def _alone(lines: list[str], labels: Sequence[str]) -> list[_Place]:
    """Lines that are a label and nothing else, if one of them opens or closes the reply."""
    said = [(number, line) for number, line in enumerate(lines) if line.strip()]
    alone = [(number, line) for number, line in said if is_label(line, labels) and not _is_number(line, said)]
    if not alone or (alone[0][0] != said[0][0] and alone[-1][0] != said[-1][0]):
        return []
    return [_Place(line, "\n".join(lines[:number]), _analysis(lines, number)) for number, line in alone]


def _is_number(line: str, said: list[tuple[int, str]]) -> bool:
    """True for the number of a list, which may read like a label."""
    return len(said) > 1 and bool(re.fullmatch(r"\s*\d+\s*[.、)）．:：]\s*", line))


def schema_of(labels: Sequence[str]) -> dict[str, object]:
    """The JSON schema of a verdict, for servers that can hold a judge to one."""
    return {
        "type": "object",
        "properties": {"answer": {"type": "string", "enum": list(labels)}, "analysis": {"type": "string"}},
        "required": ["answer", "analysis"],
        "additionalProperties": False,
    }
