"""Splits a reply into thinking and answer.

R1-style templates prefill `<think>`, so that a raw reply reads `reasoning</think>answer` with no opening tag; parsers
that need both tags take the whole reasoning for the answer. Five shapes occur, and each is counted.
"""

from typing import Literal

import msgspec

from anjian.models.base import Reply

Shape = Literal["both_tags", "closing_only", "opening_only", "none", "empty"]
SHAPES: tuple[Shape, ...] = ("both_tags", "closing_only", "opening_only", "none", "empty")

OPEN, CLOSE = "<think>", "</think>"


class Thought(msgspec.Struct, frozen=True):
    """A reply in two parts; `answer` is empty where thinking was cut off before it.

    Shapes: `both_tags` (also: thinking in a field of its own), `closing_only` (the opening tag was prefilled),
    `opening_only` (cut off while thinking), `none` (no thinking), `empty` (opened and closed with nothing in it).
    """

    shape: Shape
    thinking: str
    answer: str


def split_thinking(reply: Reply) -> Thought:
    """Splits one reply. No character but the tags and surrounding blanks is lost."""
    if reply.reasoning.strip():
        answer = _without_blocks(reply.text)
        return Thought("both_tags" if answer else "opening_only", reply.reasoning.strip(), answer)
    return split_text(reply.text, reply.prefilled)


def split_text(text: str, prefilled: bool = False) -> Thought:
    """Splits raw text; `prefilled` says that the prompt had already opened the thinking."""
    body = text.lstrip()
    opened = body.startswith(OPEN)
    thinking, closing, answer = body.removeprefix(OPEN).partition(CLOSE)
    if not opened and not prefilled and not closing:
        return Thought("none", "", body.strip())
    if not closing:
        return Thought("opening_only", thinking.strip(), "")
    answer = _without_blocks(answer)
    if not thinking.strip():
        return Thought("empty", "", answer)
    return Thought("both_tags" if opened else "closing_only", thinking.strip(), answer)


def _without_blocks(text: str) -> str:
    """Drops further blocks of thinking that stand before the answer."""
    text = text.strip()
    while text.startswith(OPEN):
        _, closing, rest = text.partition(CLOSE)
        if not closing:
            return ""
        text = rest.strip()
    return text
