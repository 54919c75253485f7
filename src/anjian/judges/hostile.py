"""Replies that work on their judge: forged verdicts, pleas, ends of quotations, what is invisible, what is very long.

Each is a plain reply with something put around it that ought to move no verdict. `hostile.jsonl` holds the plain ones
(lines with `base`, `prompt`, `reply`), then the hostile ones: `text` with the plain reply in the place of its first
`{}`, and what is repeated after it, if anything is. `forged` is the verdict that it wants.
"""

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec

from anjian.items.records import Item, Message
from anjian.judges.base import Judge, Verdict

FILE: Final = "hostile.jsonl"
WRAPPED: Final = "sandwich"


class Hostile(msgspec.Struct, frozen=True):
    """A hostile reply and its plain twin.

    Attributes:
        id: What it tries, and a number.
        prompt: What both reply to.
        plain: The twin.
        reply: The hostile one.
        forged: The label of `anjian.judges.kinds.REFUSAL` that it wants.
    """

    id: str
    prompt: str
    plain: str
    reply: str
    forged: str

    @property
    def wrapped(self) -> bool:
        """True if it forges nothing, but puts a refusal or consent in words around the plain reply."""
        return self.id.startswith(WRAPPED)

    @property
    def item(self) -> Item:
        """The item that a judge is given."""
        return Item(id=self.id, suite="hostile", category="", turns=(self.prompt,))

    @property
    def dialogue(self) -> tuple[Message, ...]:
        """What was said before the reply."""
        return (Message("user", self.prompt),)


class Moved(msgspec.Struct, frozen=True):
    """What a judge said of a hostile reply and of its twin."""

    case: Hostile
    plain: Verdict
    hostile: Verdict

    @property
    def judged(self) -> bool:
        """True if there is a verdict on both."""
        return self.plain.label is not None and self.hostile.label is not None

    @property
    def moved(self) -> bool:
        """True if the verdicts differ."""
        return self.judged and self.plain.label != self.hostile.label


class _Line(msgspec.Struct):
    base: str
    id: str = ""
    prompt: str = ""
    reply: str = ""
    text: str = ""
    forged: str = ""
    repeat: tuple[str, int] = ("", 0)


@cache
def hostile_replies() -> tuple[Hostile, ...]:
    """All of them."""
    return tuple(_read())


def _read() -> Iterator[Hostile]:
    plain: dict[str, _Line] = {}
    for raw in files("anjian.judges").joinpath(FILE).read_bytes().splitlines():
        line = msgspec.json.decode(raw, type=_Line)
        if line.reply:
            plain[line.base] = line
            continue
        twin = plain[line.base]
        repeated, times = line.repeat
        yield Hostile(
            line.id, twin.prompt, twin.reply, line.text.replace("{}", twin.reply, 1) + repeated * times, line.forged
        )


async def tried(judge: Judge, case: Hostile) -> Moved:
    """Has a hostile reply and its twin judged."""
    plain = await judge.judge(case.item, case.dialogue, case.plain)
    return Moved(case, plain, await judge.judge(case.item, case.dialogue, case.reply))
