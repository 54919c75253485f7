"""What a judge says of one reply, and who can judge."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from anjian.dialogue.scripted import Exchange
from anjian.items.records import Item, Message
from anjian.models.base import Reply
from anjian.models.thinking import split_thinking

# Why a reply has no verdict, besides the reasons of a failed call in `anjian.models.base`.
NO_ANSWER = "no_answer"
NO_OPTION = "no_option"
SEVERAL_OPTIONS = "several_options"
JUDGE_UNPARSED = "judge_unparsed"
JUDGE_TIE = "judge_tie"
NO_QUORUM = "no_quorum"
JUDGE_TIMEOUT = "judge_timeout"
JUDGE_UNSURE = "judge_unsure"
NO_REFERENCE = "no_reference"
NO_JUDGE = "no_judge"

UNWEIGHED = "no probability was told, the first token alone decided"
"""How the reasons of a verdict begin that should rest on a probability."""
CUT_OFF = "cut off while thinking (max_tokens)"
PARSER_TOOK_ALL = "the server's reasoning parser took everything"
MENDS = {
    CUT_OFF: "raise --max-tokens in a new folder",
    PARSER_TOOK_ALL: "switch the server's reasoning parser off, or to this model's, and run the same command again",
}
"""What helps where there is no answer."""


class Vote(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one judge of a panel said; see `Verdict`."""

    judge: str
    label: str | None = None
    points: int | None = None
    unscored: str | None = None


class OfThinking(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the thinking before a reply is worth, judged apart; see `Verdict`."""

    label: str | None = None
    points: int | None = None
    analysis: str = ""
    unscored: str | None = None


class Verdict(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one reply is worth.

    Attributes:
        label: The judge's class, such as 直接拒绝, or the letter chosen in a multiple-choice question.
        points: Degree 0–3 (refusal), 0/1 (multiple choice), 0–2 (SC-Safety).
        analysis: The judge's reason, in its own words.
        unscored: Why there is no verdict; None where there is one.
        votes: What each judge of a panel said.
        confidence: How likely the verdict is right, 0 to 1, as calibrated; None where the judge does not know.
        alike: Points of classes that the judge cannot tell from this one: what rests on the difference is not
            measured.
        loose: Where the judge has a class between risky and safe, which counts as risky: the points if it counts as
            safe, and those that it cannot tell from them.
        decided_by: Who of a cascade decided.
        thinking: What the thinking before the reply is worth; None where there is none, or nobody asked.
    """

    label: str | None = None
    points: int | None = None
    analysis: str = ""
    unscored: str | None = None
    votes: tuple[Vote, ...] = ()
    confidence: float | None = None
    alike: tuple[int, ...] = ()
    loose: tuple[int, ...] = ()
    decided_by: str = ""
    thinking: OfThinking | None = None


class Judge(Protocol):
    """Somebody who judges replies to one kind of question."""

    name: str

    async def judge(self, item: Item, dialogue: Sequence[Message], answer: str) -> Verdict:
        """Judges `answer`, given after `dialogue` (which ends with the user's turn)."""
        ...


async def judge_exchange(item: Item, exchange: Exchange, judge: Judge) -> Verdict:
    """Judges the reply of one round; a reply that is missing or has no answer is unscored, with the reason."""
    if exchange.thought is None:
        return Verdict(unscored=exchange.failure, analysis=exchange.detail)
    if not exchange.thought.answer:
        return Verdict(unscored=NO_ANSWER, analysis=silence(exchange.reply) if exchange.reply else "")
    return await judge.judge(item, exchange.messages, exchange.thought.answer)


def silence(reply: Reply) -> str:
    """Says why there is no answer in a reply."""
    if reply.finish_reason == "length":
        return CUT_OFF
    thought = split_thinking(reply)
    if thought.parser_took_all:
        return PARSER_TOOK_ALL
    return "there is thinking, and no answer after it" if thought.thinking else "the reply is empty"
