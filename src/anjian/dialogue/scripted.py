"""Scripted dialogues: each turn of an item is asked in the same conversation, after the target's own replies.

A question alone, a question after a history and a question with follow-ups are the same thing with more or fewer turns.
Earlier replies enter the conversation without their thinking, as chat templates expect.
"""

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from anjian.items.records import Item, Message
from anjian.language import language_of
from anjian.models.base import CallError, Reply
from anjian.models.thinking import Thought, split_thinking

EARLIER_TURN_FAILED = "earlier_turn_failed"
"""Why a follow-up was not asked: there was no answer to follow."""

Say = Callable[[tuple[Message, ...]], Awaitable[Reply]]
"""Puts a conversation that ends with the user to the target; raises CallError."""


class Exchange(msgspec.Struct, frozen=True):
    """One round: the conversation up to the user's turn, and the reply to it or why there is none."""

    messages: tuple[Message, ...]
    reply: Reply | None = None
    thought: Thought | None = None
    failure: str | None = None
    detail: str = ""


async def exchange(messages: tuple[Message, ...], say: Say) -> Exchange:
    """Holds one round: puts the conversation to the target and splits its reply."""
    try:
        reply = await say(messages)
    except CallError as error:
        return Exchange(messages, failure=error.reason, detail=error.detail)
    return Exchange(messages, reply, split_thinking(reply))


async def converse(history: Sequence[Message], turns: Sequence[str], say: Say) -> list[Exchange]:
    """Asks the turns one after another; returns one exchange for each, in order."""
    messages = tuple(history)
    exchanges: list[Exchange] = []
    for turn in turns:
        messages = (*messages, Message("user", turn))
        held = await exchange(messages, say)
        exchanges.append(held)
        if held.thought is None or not held.thought.answer:
            break
        messages = (*messages, Message("assistant", held.thought.answer))
    missing = turns[len(exchanges) :]
    return exchanges + [Exchange((Message("user", turn),), failure=EARLIER_TURN_FAILED) for turn in missing]


def questions_of(item: Item) -> tuple[str, ...]:
    """The turns of an item as they are put to the target: a multiple-choice stem comes with its options."""
    if not item.options:
        return item.turns
    from anjian.prompts import render

    stem = item.turns[0]
    language = language_of(" ".join((stem, *item.options.values())))
    return (render("anjian.dialogue", f"mcq_{language}", question=stem, options=item.options),)
