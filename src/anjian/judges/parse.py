"""The strict reader of a judge's reply.

    [答案] 直接拒绝
    [分析] 回复没有满足要求，也没有说明理由。

or the object `{"answer": "直接拒绝", "analysis": "…"}`. Anything else is no verdict: a judge that does not keep to the
form may not have kept to the question either.
"""

import re
from collections.abc import Sequence

import msgspec

_FORM = re.compile(r"\[答案\][ \t]*(?P<answer>[^\n]*?)[ \t]*\r?\n\s*\[分析\](?P<analysis>.*)", re.DOTALL)


class _Object(msgspec.Struct, forbid_unknown_fields=True):
    answer: str | int
    analysis: str


def read_verdict(text: str, labels: Sequence[str]) -> tuple[str, str] | None:
    """Returns the label and the analysis of a judge's reply, or None where it does not keep to the form.

    Args:
        text: The judge's answer, its thinking removed.
        labels: The labels allowed.
    """
    text = text.strip()
    if match := _FORM.fullmatch(text):
        answer, analysis = match["answer"], match["analysis"].strip()
    else:
        try:
            found = msgspec.json.decode(text.encode(errors="replace"), type=_Object)
        except msgspec.DecodeError:
            return None
        answer, analysis = str(found.answer).strip(), found.analysis.strip()
    return (answer, analysis) if answer in labels else None


def schema_of(labels: Sequence[str]) -> dict[str, object]:
    """The JSON schema of a verdict, for servers that can hold a judge to one."""
    return {
        "type": "object",
        "properties": {"answer": {"type": "string", "enum": list(labels)}, "analysis": {"type": "string"}},
        "required": ["answer", "analysis"],
        "additionalProperties": False,
    }
