"""What the data stage passes on: prompts, drafts of answers, finished examples."""

from random import Random
from typing import Any

import msgspec

from anjian.dialogue.scripted import questions_of
from anjian.enhance.recipe import PromptKind
from anjian.items.records import Item, Message
from anjian.models.thinking import CLOSE, OPEN


class Prompt(msgspec.Struct, frozen=True):
    """A question to be answered for training.

    Attributes:
        kind: What a good answer does: declines (`risky`), helps (`harmless`, `general`), is right (`reasoning`).
        item: The question; for reasoning with its answer.
        source: `bank`, `builtin` or a file's name.
        solution: The worked solution, where the built-in writer made the problem.
    """

    kind: PromptKind
    item: Item
    source: str
    solution: str = ""


class Draft(msgspec.Struct, frozen=True):
    """An answer with the thinking before it, not yet judged."""

    thinking: str
    answer: str


class Example(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of `data/train.jsonl` (`messages`) or, for DPO, `data/pairs.jsonl` (`prompt`, `chosen`, `rejected`)."""

    id: str
    kind: PromptKind
    category: str
    source: str
    writer: str
    messages: tuple[Message, ...] = ()
    prompt: tuple[Message, ...] = ()
    chosen: tuple[Message, ...] = ()
    rejected: tuple[Message, ...] = ()


def seeded(*parts: object) -> Random:
    """A generator of its own for each purpose, so that one draw more in one place changes nothing elsewhere."""
    return Random("/".join(map(str, parts)))  # noqa: S311  (nothing secret is drawn)


def asked(item: Item) -> tuple[Message, ...]:
    """The conversation up to the question: what came before, then the item's first turn, with its options."""
    return (*item.history, Message("user", questions_of(item)[0]))


def spoken(draft: Draft) -> Message:
    """A draft as the assistant's message, its thinking in tags, in the form in which R1-style models say it."""
    if not draft.thinking:
        return Message("assistant", draft.answer)
    return Message("assistant", f"{OPEN}\n{draft.thinking}\n{CLOSE}\n\n{draft.answer}")


def parted(content: str) -> tuple[str, str]:
    """The thinking (empty if there is none) and the answer of an assistant's message in that form."""
    if not content.startswith(OPEN):
        return "", content
    thinking, _, answer = content.removeprefix(OPEN).partition(CLOSE)
    return thinking.strip(), answer.strip()


def decode_examples(lines: bytes) -> list[dict[str, Any]]:
    """Reads JSONL as written by the data stage."""
    return [msgspec.json.decode(line) for line in lines.splitlines() if line.strip()]
