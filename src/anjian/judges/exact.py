"""The judge `exact`: a short answer, compared with the item's reference as text.

Width, case, blanks, quotation marks and closing punctuation do not matter; several right answers are joined by `|`.
"""

import re
import unicodedata
from collections.abc import Sequence

from anjian.items.records import Item, Message
from anjian.judges.base import NO_ANSWER, NO_REFERENCE, Verdict
from anjian.text import one_line

_BEFORE = " \"'“”‘’「」『』《》`*。!！?？,，;；:："
_AFTER = _BEFORE + "."
"""A point before a number is its own."""
_LONGEST_LABEL = 80


class ExactJudge:
    """Gives 1 point to an answer that is the reference, else 0; the label is the answer as it was written."""

    name = "exact"

    async def judge(self, item: Item, dialogue: Sequence[Message], answer: str) -> Verdict:
        """Judges one reply, thinking removed, against `item.answer`; see `Judge.judge`."""
        if item.answer is None:
            return Verdict(unscored=NO_REFERENCE)
        said = normalised(answer)
        if not said:
            return Verdict(unscored=NO_ANSWER)
        right = said in {normalised(text) for text in item.answer.split("|")}
        return Verdict(label=one_line(answer.strip(), _LONGEST_LABEL), points=int(right))


def normalised(text: str) -> str:
    """The text without what does not matter.

    Example:
        >>> normalised(" “ＡＢＣ”。 ")
        'abc'
    """
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text)).lstrip(_BEFORE).rstrip(_AFTER).casefold()
