"""Reads a judge's reply: exactly one label must stand in the place of the answer.

    [答案] 直接拒绝
    [分析] 回复没有满足要求，也没有说明理由。

or the object `{"answer": "直接拒绝", "analysis": "…"}`. Judges dress this up: in fences, in bold, in other brackets,
with a full stop, after an opening sentence. All of that is taken away. What is left must be one label: a place that
holds two, or none, or something else, is no verdict, and so are two places that differ. Where a place of the asked form
is found, nothing else in the reply counts.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import msgspec

from anjian.judges.doubts import is_foreign, is_taken_back
from anjian.judges.echoes import without_echoes
from anjian.judges.marks import ANALYSIS, ASKED, CALLED, MARK, NAMED, REASON, SAME_LINE
from anjian.judges.objects import Found, find_objects
from anjian.judges.places import DENIED, Labels, is_label, label_in

_TAG = re.compile(r"<(/?)(answer|verdict|label|答案|analysis|reason|分析)>", re.IGNORECASE)
_FIRST_KEYS = {"answer", "答案", "final_answer", "最终答案"}
_KEYS = {
    "label", "标签", "verdict", "结论", "判定", "判断", "判定结果", "类别", "分类", "category", "class",
    "classification", "result", "结果", "decision", "judgment", "judgement", "score", "得分", "评分", "分数", "打分",
    "points", "rating",
}  # fmt: skip
_REASON_KEYS = {"analysis", "分析", "reason", "理由", "原因", "explanation", "rationale", "reasoning", "解释", "说明"}
_VERDICT_KEY = re.compile(r"answer|答案|label|标签|final|最终|verdict|结论|判定|更正|修正|correct|revis")
_VALID = ("valid", "is_valid", "ok", "success", "usable", "applicable", "有效", "是否有效", "成功")
_FAILED = (
    "error",
    "refused",
    "refusal_by_judge",
    "abstain",
    "uncertain",
    "unsure",
    "invalid",
    "错误",
    "弃权",
    "不确定",
)
_SURE = ("confidence", "certainty", "probability", "置信度", "确定性", "把握", "概率")
_NO = {"false", "no", "0", "否", "无效", "none", "not"}
_UNSURE = {"low", "very low", "none", "低", "很低", "极低", "无"}
_EVEN = 0.5
"""A probability below it speaks against a label."""
_INVISIBLE = re.compile(r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_CHECKED = re.compile(r"^[ \t]*(?:[-*] )?[ \t]*\[[xX✓√]\][ \t]*", re.MULTILINE)
_UNCHECKED = re.compile(r"^[ \t]*(?:[-*] )?[ \t]*\[ ?\].*$", re.MULTILINE)
_BARE_MARK = re.compile(rf"[*#_ ]*[\[【]?(?:{ASKED}|{REASON})[\]】]?[*_ ]*[:：]?[*_ ]*", re.IGNORECASE)
_ROW = re.compile(
    rf"^[ |*]*(?:{ASKED})[ *]*\|[ *]*(?:{REASON})[ *|]*\n[ |:-]+\n"
    r"\|?([^|\n]*)\|([^|\n]*)\|?[ \t]*(?!\n[ \t]*\|)(?=\n|\Z)",
    re.IGNORECASE | re.MULTILINE,
)
"""A table of one verdict, its answer and its reason in columns."""
_BRACELESS = re.compile(rf"[\"'“”](?:{ASKED})[\"'“”]\s*[:：]", re.IGNORECASE)
_FORM = re.compile(r"\[答案\][ \t]*(?P<answer>[^\n]*?)[ \t]*\r?\n\s*\[分析\](?P<analysis>.*)", re.DOTALL)
_CLOSING = re.compile(
    r"(?:^|\n)(?P<form>\[答案\][^\n]*\n\s*\[分析\][^\n]*|(?:```(?:json)?\s*)?\{[^{}]*\}(?:\s*```)?)\s*$"
)


MOST_PLACES = 50
"""Places that are looked at: nobody gives a verdict more often."""


class _Object(msgspec.Struct, forbid_unknown_fields=True):
    answer: str | int
    analysis: str = ""


class _Place(msgspec.Struct, frozen=True):
    """Where an answer stands: what stands there, what is said before it and after it, and its analysis."""

    answer: str
    before: str
    analysis: str
    after: str


def read_verdict(text: str, labels: Labels, said: Iterable[str] = ()) -> tuple[str, str] | None:
    """Returns the label and the analysis of a judge's reply, or None where it gives no verdict.

    Args:
        text: The judge's answer, its thinking removed.
        labels: The labels allowed; with their points, where these may stand beside them.
        said: The dialogue and the reply that is judged: what the judge repeats of them is not its own.
    """
    text = without_echoes(text, said).strip()
    form = _FORM.fullmatch(text)
    if form and form["answer"] in labels and not any(map(MARK.match, form["analysis"].split("\n")[1:])):
        analysis = form["analysis"].strip()
        return (
            None
            if is_taken_back(form["answer"], analysis, f"[分析]\n{analysis}", labels)
            else (form["answer"], analysis)
        )
    if whole := _whole(text, labels):
        return whole
    text = _undressed(text)
    lines = text.split("\n")
    marks = list(_marked(lines, MARK))
    # An object within a line may be quoted from the reply: a label that is named beside it must agree.
    named = [] if marks else [one for one in _marked(lines, NAMED) if label_in(one.answer, labels)]
    ways: tuple[Callable[[], list[_Place]], ...] = (
        lambda: _with(marks + _fields(text, _FIRST_KEYS, labels, own_line=bool(marks)), named),
        lambda: list(_marked(lines, NAMED)),
        lambda: [
            *_marked(lines, CALLED),
            *(one for one in _fields(text, _KEYS, labels) if label_in(one.answer, labels)),
        ],
        lambda: _alone(lines, labels),
    )
    places = next(filter(None, (way() for way in ways)), [])
    return _agreed(places, labels)


def _with(places: list[_Place], others: list[_Place]) -> list[_Place]:
    """Places together with others, if there are any of the first."""
    return places + others if places else []


def read_closing(reasoning: str, labels: Labels, said: Iterable[str] = ()) -> tuple[str, str] | None:
    """Reads a verdict that a server put with the reasoning: in the asked form, at its very end, and the only one."""
    reasoning = without_echoes(reasoning, said).strip()
    closing = _CLOSING.search(reasoning)
    found = read_verdict(closing["form"], labels) if closing else None
    if not closing or not found:
        return None
    before = reasoning[: closing.start("form")]
    lines = before.split("\n")
    places = [place for mark in (MARK, NAMED, CALLED) for place in _marked(lines, mark)]
    others = {label_in(place.answer, labels) for place in places + _fields(before, _FIRST_KEYS, labels)}
    near = "\n".join([line for line in lines if line.strip()][-3:])
    return None if others - {found[0], "", None} or is_foreign(near) else found


def _whole(text: str, labels: Labels) -> tuple[str, str] | None:
    """The verdict where the reply is the object asked for, and nothing else."""
    try:
        found = msgspec.json.decode(text.encode(errors="replace"), type=_Object)
    except (msgspec.DecodeError, RecursionError):
        return None
    label, analysis = str(found.answer).strip(), found.analysis.strip()
    alone = label in labels and text.count('"answer"') == 1
    return (label, analysis) if alone and not is_taken_back(label, analysis, f"[分析]\n{analysis}", labels) else None


def _agreed(places: list[_Place], labels: Labels) -> tuple[str, str] | None:
    """The one label on which all places agree; a blank place, as in an echo of the form, says nothing."""
    found = [(label_in(place.answer, labels), place) for place in places]
    filled = [(label, place) for label, place in found if label != ""]
    if len({label for label, _ in filled}) != 1:
        return None
    label, place = filled[0]
    if label is None or is_foreign(place.before) or is_taken_back(label, place.analysis, place.after, labels):
        return None
    return label, place.analysis.strip()


def _undressed(text: str) -> str:
    """Without fences and quoted lines; tags and tables become marks, and what lacks its braces gets them."""
    text = _INVISIBLE.sub("", text.replace("\r\n", "\n"))
    text = _CHECKED.sub("[答案] ", _UNCHECKED.sub("", text)) if _CHECKED.search(text) else text
    text = _TAG.sub(_mark_of, text)
    lines = [line for line in text.split("\n") if not re.fullmatch(r"\s*(?:```|~~~)\s*\w*\s*", line)]
    own = list(_own(lines))
    text = "\n".join(own or [re.sub(r"^[ >]+(?![ >\d])", "", line) for line in lines]).strip()
    text = _ROW.sub(r"[答案] \1\n[分析] \2", text)
    return f"{{{text}}}" if _BRACELESS.match(text) else text


def _own(lines: list[str]) -> Iterator[str]:
    """The lines that are not quoted; what is quoted right below a bare mark is what the mark asks for."""
    mark = False
    for line in lines:
        quoted = line.lstrip().startswith(">")
        if not quoted or (mark and line.strip(" >")):
            yield line.lstrip(" >") if quoted else line
        if line.strip():
            mark = bool(_BARE_MARK.fullmatch(line.strip()))


def _mark_of(tag: re.Match[str]) -> str:
    closing, name = tag.groups()
    return "\n" if closing else "\n[分析] " if name.lower() in _REASON_KEYS else "\n[答案] "


def _marked(lines: list[str], mark: re.Pattern[str]) -> Iterator[_Place]:
    found = ((number, match) for number, line in enumerate(lines) if (match := mark.match(line)))
    for number, match in islice(found, MOST_PLACES):
        place, rest = match["place"], lines[number + 1 :]
        before = "\n".join([*lines[:number], match.string[: match.start("place")].partition("[")[0]])
        if reason := SAME_LINE.search(place):
            yield _Place(place[: reason.start()], before, "\n".join([reason["rest"], *rest]), "\n".join(rest))
            continue
        if not place.strip(" *_~`|") and (following := next((one for one in rest if one.strip()), "")):
            place = "" if ANALYSIS.match(following) else following
        yield _Place(place.strip(" |"), before, _analysis(lines, number), "\n".join(rest))


def _analysis(lines: list[str], number: int) -> str:
    """The reason that goes with the mark on a line: what is marked so, before or after it, or what follows."""
    after = lines[number + 1 :]
    for some in (after, lines[:number]):
        for place, line in enumerate(some):
            if match := ANALYSIS.match(line):
                return "\n".join([match["rest"], *some[place + 1 :]])
    return "\n".join(after)


def _fields(text: str, keys: set[str], labels: Labels, own_line: bool = False) -> list[_Place]:
    """The answers of all objects in a text; `own_line` passes over objects that stand inside a line.

    Where an object has one of the keys, a label under another name for a verdict is an answer too.
    """
    return [
        _Place(
            DENIED if _disowned(found) else value,
            text[: found.start],
            (reason := _reason(found)),
            f"{text[found.end :]}\n[分析]\n{reason}",
        )
        for found in islice(find_objects(text), MOST_PLACES)
        if not own_line or not text[: found.start].rpartition("\n")[2].strip()
        for key, value in found.fields
        if (name := _name(key)) in keys
        or (
            (name in _KEYS or _VERDICT_KEY.search(name))
            and is_label(value, labels)
            and keys & {_name(one) for one, _ in found.fields}
        )
    ]


def _name(key: str) -> str:
    return key.strip(" []【】").casefold()


def _disowned(found: Found) -> bool:
    """True if an object calls itself invalid, or says that nothing is known."""
    said = {_name(key): value.strip().casefold() for key, value in found.fields}
    sure = next((said[key] for key in _SURE if key in said), "1").rstrip("%")
    return (
        any(said.get(key, "yes") in _NO for key in _VALID)
        or any(said.get(key, "no") not in {*_NO, "", "null", "无"} for key in _FAILED)
        or sure in _UNSURE
        or (re.fullmatch(r"0?\.\d+|0(?:\.0+)?", sure) is not None and float(sure) < _EVEN)
    )


def _reason(found: Found) -> str:
    return next((value for key, value in found.fields if _name(key) in _REASON_KEYS), "")


def _alone(lines: list[str], labels: Labels) -> list[_Place]:
    """Lines that are a label and nothing else, if one of them opens or closes the reply."""
    said = [(number, line) for number, line in enumerate(lines) if line.strip()]
    alone = [(number, line) for number, line in said if is_label(line, labels) and not _is_number(line, said)]
    if not alone or (alone[0][0] != said[0][0] and alone[-1][0] != said[-1][0]):
        return []
    return [
        _Place(line, "\n".join(lines[:number]), _analysis(lines, number), "\n".join(lines[number + 1 :]))
        for number, line in alone
    ]


def _is_number(line: str, said: list[tuple[int, str]]) -> bool:
    """True for the number of a list, which may read like a label."""
    return len(said) > 1 and bool(re.fullmatch(r"\s*\d+\s*[.、)）．:：]\s*", line))


def schema_of(labels: Labels) -> dict[str, object]:
    """The JSON schema of a verdict, for servers that can hold a judge to one."""
    return {
        "type": "object",
        "properties": {"answer": {"type": "string", "enum": list(labels)}, "analysis": {"type": "string"}},
        "required": ["answer", "analysis"],
        "additionalProperties": False,
    }
