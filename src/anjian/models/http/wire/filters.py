"""What tells a provider's filter from its model, and from ordinary errors: the table in filters.toml, compiled."""

from functools import cache
from importlib.resources import files

import msgspec

from anjian.models.http.wire.words import Find, any_of

LONGEST_CANNED_TEXT = 200
"""Longer replies are not compared with what gateways put in the model's place."""
LONGEST_TAIL = 100
CLOSING_BRACKETS = ("]", "】", ")", "）")


class _Provider(msgspec.Struct, forbid_unknown_fields=True, rename={"exceptions": "except", "self_talk": "self"}):
    source: str
    codes: list[str] = []
    messages: list[str] = []
    finish: list[str] = []
    texts: list[str] = []
    tails: list[str] = []
    exceptions: list[str] = []
    self_talk: list[str] = []


class Filters(msgspec.Struct, frozen=True):
    """The table in one pattern for each column.

    `words` and `texts` are those of listed providers; `hints` and `likely_texts` are those that any may use, unless
    `exceptions` or `self_talk` are found beside them.
    """

    codes: Find
    words: Find
    hints: Find
    exceptions: Find
    finish: Find
    texts: Find
    likely_texts: Find
    self_talk: Find
    tails: Find

    def stops(self, finish_reason: str) -> bool:
        """True if a finish reason says that a filter stopped the reply."""
        return bool(self.finish(finish_reason.strip()))

    def wrote(self, text: str) -> bool:
        """True if a reply is what a gateway puts in the model's place, or ends with what it breaks a reply off with."""
        text = text.strip()
        if len(text) <= LONGEST_CANNED_TEXT and (
            self.texts(text) or (not self.self_talk(text) and self.likely_texts(text))  # The quicker one first.
        ):
            return True
        return text.endswith(CLOSING_BRACKETS) and bool(self.tails(text[-LONGEST_TAIL:]))

    def hints_at(self, words: str) -> bool:
        """True if an error's words hint at a filter, and at nothing more ordinary."""
        return bool(self.hints(words) and not self.exceptions(words))


@cache
def filters() -> Filters:
    """Reads the table of filters."""
    text = files("anjian.models.http.wire").joinpath("filters.toml").read_bytes()
    table = msgspec.toml.decode(text, type=dict[str, _Provider])
    rows = list(table.values())
    listed = [row for name, row in table.items() if name != "any"]
    common = table["any"]
    return Filters(
        codes=any_of(code for row in rows for code in row.codes).fullmatch,
        words=any_of(word for row in listed for word in row.messages).search,
        hints=any_of(common.messages).search,
        exceptions=any_of(common.exceptions).search,
        finish=any_of(reason for row in rows for reason in row.finish).fullmatch,
        texts=any_of(text for row in listed for text in row.texts).fullmatch,
        likely_texts=any_of(common.texts).fullmatch,
        self_talk=any_of(common.self_talk).search,
        tails=any_of(tail for row in rows for tail in row.tails).search,
    )
