"""Judges a reply to a multiple-choice question against the item's key."""

from collections.abc import Sequence

import msgspec

from anjian.items.records import Item, Message
from anjian.judges.base import Verdict
from anjian.judges.choice.options import read_option


class OptionReader:
    """Reads the option that a reply settles on; 1 point if it is the item's answer, else 0."""

    name = "options-v1"

    async def judge(self, item: Item, dialogue: Sequence[Message], answer: str) -> Verdict:
        """Judges one reply; see `Judge.judge`."""
        verdict = read_option(answer, item.options, item.turns[0])
        if verdict.label is None:
            return verdict
        return msgspec.structs.replace(verdict, points=int(verdict.label == item.answer))
