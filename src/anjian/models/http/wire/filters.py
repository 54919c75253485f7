"""What tells a provider's filter from its model, and from ordinary errors: the table in filters.toml, compiled."""

from functools import cache, cached_property
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


class Filters:
    """The table in one pattern for each column, compiled when it is first needed.

    `words` and `texts` are those of listed providers; `hints` and `likely_texts` are those that any may use, unless
    `exceptions` or `self_talk` are found beside them.
    """

    def __init__(self, table: dict[str, _Provider]) -> None:
        """Takes the rows of the table."""
        self._rows = list(table.values())
        self._listed = [row for name, row in table.items() if name != "any"]
        self._common = table["any"]

    @cached_property
    def codes(self) -> Find:
        """The codes of errors that mean a filter."""
        return any_of(code for row in self._rows for code in row.codes).fullmatch

    @cached_property
    def words(self) -> Find:
        """What the errors of listed providers say."""
        return any_of(word for row in self._listed for word in row.messages).search

    @cached_property
    def hints(self) -> Find:
        """What any provider's errors may say of a filter."""
        return any_of(self._common.messages).search

    @cached_property
    def exceptions(self) -> Find:
        """What tells ordinary errors from those."""
        return any_of(self._common.exceptions).search

    @cached_property
    def finish(self) -> Find:
        """Finish reasons."""
        return any_of(reason for row in self._rows for reason in row.finish).fullmatch

    @cached_property
    def texts(self) -> Find:
        """The canned texts of listed providers."""
        return any_of(text for row in self._listed for text in row.texts).fullmatch

    @cached_property
    def likely_texts(self) -> Find:
        """Canned texts that any provider may use."""
        return any_of(self._common.texts).fullmatch

    @cached_property
    def self_talk(self) -> Find:
        """How models speak of themselves, as gateways do not."""
        return any_of(self._common.self_talk).search

    @cached_property
    def tails(self) -> Find:
        """What a reply that is broken off ends with."""
        return any_of(tail for row in self._rows for tail in row.tails).search

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
    return Filters(msgspec.toml.decode(text, type=dict[str, _Provider]))
