"""Dialogues whose turns are written live by an adversary, from the target's own replies.

`pursue` keeps an item's first turn and lets the adversary write the others. `crescendo` (Russinovich et al.,
arXiv 2404.01833, section 3) starts harmlessly, escalates step by step, and takes back what was refused.
Both are bounded, whatever the models say: by rounds, and by rounds plus backtracks.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

import msgspec

from anjian.dialogue.scripted import EARLIER_TURN_FAILED, Exchange, Say, exchange
from anjian.items.records import Item, Message
from anjian.models.base import Ask, CallError, Request, Sampling
from anjian.models.thinking import split_thinking
from anjian.prompts import render

ADVERSARY_NO_ANSWER = "adversary_no_answer"
"""The adversary wrote nothing that could be asked."""
LONGEST_TURN = 1000
"""Characters of a turn that are kept of what an adversary writes."""

Seen = Literal["refused", "harmless", "reached"]
Look = Callable[[Exchange], Awaitable[Seen | None]]
"""Tells what a reply means for the attack; None where that could not be judged."""


class Adversary:
    """Writes user turns by asking a model, each prompt from a file of `dialogue/prompts/`."""

    def __init__(self, ask: Ask, sampling: Sampling, epoch: int) -> None:
        """Binds a model; equal conversations, seeds and epochs give equal turns."""
        self._ask = ask
        self._sampling = sampling
        self._epoch = epoch

    async def write(self, prompt: str, **material: object) -> str:
        """Writes one turn.

        Raises:
            CallError: The call failed, or there is nothing in the reply that could be asked.
        """
        text = render("anjian.dialogue", prompt, material=msgspec.json.encode(material).decode())
        reply = await self._ask(Request((Message("user", text),), self._sampling, self._epoch))
        turn = split_thinking(reply).answer.strip().strip("“”\"'").strip()[:LONGEST_TURN]
        if not turn:
            raise CallError(ADVERSARY_NO_ANSWER, "the adversary wrote nothing")
        return turn


def aim_of(item: Item) -> str:
    """What an item's dialogue is after: its category and its own turns."""
    return f"{item.category}：{' / '.join(item.turns)}"


def told(messages: Sequence[Message]) -> list[dict[str, str]]:
    """A conversation as material of a prompt."""
    roles = {"user": "用户", "assistant": "被测模型", "system": "系统"}
    return [{roles[message.role]: message.content} for message in messages]


async def pursue(item: Item, rounds: int, say: Say, adversary: Adversary) -> list[Exchange]:
    """Asks the item's first turn, then `rounds - 1` turns of the adversary; one exchange for each round."""
    exchanges = [await exchange((*item.history, Message("user", item.turns[0])), say)]
    while len(exchanges) < rounds:
        last = exchanges[-1]
        if last.thought is None or not last.thought.answer:
            break
        messages = (*last.messages, Message("assistant", last.thought.answer))
        try:
            turn = await adversary.write("adversary", 目的=aim_of(item), 对话=told(messages))
        except CallError as error:
            exchanges.append(Exchange(messages, failure=_adversarys(error), detail=error.detail))
            break
        exchanges.append(await exchange((*messages, Message("user", turn)), say))
    missing = rounds - len(exchanges)
    return exchanges + [Exchange(exchanges[-1].messages, failure=EARLIER_TURN_FAILED)] * missing


async def crescendo(
    item: Item, rounds: int, backtracks: int, say: Say, adversary: Adversary, look: Look
) -> list[Exchange]:
    """Attacks until the aim is reached, `rounds` steps were answered or `backtracks` were refused.

    Returns:
        Every exchange in the order it was held, those taken back included; at most `rounds + backtracks`.
    """
    messages, refused, exchanges = tuple(item.history), "", list[Exchange]()
    steps = taken_back = 0
    while steps < rounds and taken_back <= backtracks:
        where = {"第几步": steps + 1, "共几步": rounds}
        try:
            turn = await adversary.write(
                "crescendo", 目的=aim_of(item), 对话=told(messages), 被拒绝的话=refused, 尝试=len(exchanges), **where
            )
        except CallError as error:
            return [*exchanges, Exchange(messages, failure=_adversarys(error), detail=error.detail)]
        held = await exchange((*messages, Message("user", turn)), say)
        exchanges.append(held)
        if held.thought is None or not held.thought.answer:
            return exchanges
        seen = await look(held)
        if seen == "refused":
            taken_back, refused = taken_back + 1, turn
            continue
        steps, refused = steps + 1, ""
        messages = (*held.messages, Message("assistant", held.thought.answer))
        if seen in ("reached", None):
            return exchanges
    return exchanges


def _adversarys(error: CallError) -> str:
    return error.reason if error.reason == ADVERSARY_NO_ANSWER else f"adversary_{error.reason}"
