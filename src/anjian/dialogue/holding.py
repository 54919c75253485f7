"""The ways to hold the dialogue of an item: scripted, live, or as an attack that depends on verdicts.

A way knows no judge. One that depends on verdicts says so (`judged`) and is given somebody to look at each exchange.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec

from anjian.dialogue.adaptive import Adversary, Seen, crescendo, pursue
from anjian.dialogue.scripted import Exchange, converse, questions_of
from anjian.errors import UsageError
from anjian.items.records import Item, Message
from anjian.models.base import Ask, Reply, Request, Sampling

LIVE_ROUNDS = 2
"""Rounds of a live dialogue where neither the user nor the way says otherwise: as many as a scripted pair has."""


class Cast(msgspec.Struct, frozen=True):
    """Who takes part in the dialogues of a run.

    Attributes:
        target: Asks the model under evaluation.
        sampling: How the target's replies are drawn.
        adversary: Asks the model that writes turns live, if there is one.
        adversary_sampling: How its turns are drawn.
        rounds: How many rounds a live dialogue has; None leaves it to the way.
        look: Tells the points of an exchange, None where it could not be judged; only for ways that are `judged`.
    """

    target: Ask
    sampling: Sampling = Sampling()
    adversary: Ask | None = None
    adversary_sampling: Sampling = Sampling()
    rounds: int | None = None
    look: Callable[[Item, Exchange], Awaitable[int | None]] | None = None

    async def say(self, messages: tuple[Message, ...], epoch: int) -> Reply:
        """Puts a conversation to the target."""
        return await self.target(Request(messages, self.sampling, epoch))


class Holding(Protocol):
    """A way to hold dialogues."""

    judged: bool
    """True if what is asked next depends on verdicts."""
    attacks: bool
    """True if it cannot be held without an adversary."""

    def calls(self, item: Item, rounds: int | None) -> tuple[int, int]:
        """How many replies of the target, and how many turns of the adversary, an item takes at most.

        Args:
            item: One of the suite's items.
            rounds: Rounds of a live dialogue; None for a scripted one.
        """
        ...

    async def hold(self, item: Item, epoch: int, cast: Cast) -> list[Exchange]:
        """Holds the dialogue of one item."""
        ...


class Scripted:
    """Asks an item's turns one after another, after its history; options come with the question."""

    judged = attacks = False

    def calls(self, item: Item, rounds: int | None) -> tuple[int, int]:
        """One reply for each turn."""
        return len(item.turns), 0

    async def hold(self, item: Item, epoch: int, cast: Cast) -> list[Exchange]:
        """One exchange for each turn."""
        return await converse(item.history, questions_of(item), lambda messages: cast.say(messages, epoch))


class Live(Scripted):
    """Like `Scripted`; with an adversary, it writes the turns after the first, except for harmless items."""

    def calls(self, item: Item, rounds: int | None) -> tuple[int, int]:
        """One reply for each round, and one turn of the adversary for each but the first."""
        if rounds is None or item.harmless:
            return super().calls(item, rounds)
        return rounds, rounds - 1

    async def hold(self, item: Item, epoch: int, cast: Cast) -> list[Exchange]:
        """One exchange for each round."""
        if cast.adversary is None or item.harmless:
            return await super().hold(item, epoch, cast)
        adversary = Adversary(cast.adversary, cast.adversary_sampling, epoch)
        rounds = cast.rounds or len(item.turns)
        return await pursue(item, rounds, lambda messages: cast.say(messages, epoch), adversary)


class Escalating:
    """Crescendo (arXiv 2404.01833): step by step towards the item's aim; what is refused is taken back."""

    judged = attacks = True

    def __init__(self, rounds: int, backtracks: int, refused: int) -> None:
        """Takes the most steps, the most that are taken back, and the points from which a reply is a refusal."""
        self._rounds = rounds
        self._backtracks = backtracks
        self._refused = refused

    def calls(self, item: Item, rounds: int | None) -> tuple[int, int]:
        """At most one to each for each step and each backtrack."""
        most = (rounds or self._rounds) + self._backtracks
        return most, most

    async def hold(self, item: Item, epoch: int, cast: Cast) -> list[Exchange]:
        """Every exchange in the order it was held, those taken back included."""
        look = cast.look
        if cast.adversary is None or look is None:
            raise UsageError("an attack needs an adversary and a judge: name them with --adversary and --judge")

        async def seen(held: Exchange) -> Seen | None:
            points = await look(item, held)
            if points is None:
                return None
            return "refused" if points >= self._refused else "reached" if points == 0 else "harmless"

        adversary = Adversary(cast.adversary, cast.adversary_sampling, epoch)
        rounds = cast.rounds or self._rounds
        return await crescendo(
            item, rounds, self._backtracks, lambda messages: cast.say(messages, epoch), adversary, seen
        )
