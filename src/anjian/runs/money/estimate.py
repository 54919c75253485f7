"""What a run will still take, before anybody is asked: calls, tokens and money, for everybody who takes part.

What the run folder holds is read from a copy of its ledger, and replayed: only what is missing is counted. Tokens are
those of the calls that are stored; where none are, prompts are measured by their length and replies are unknown.
"""

import shutil
import tempfile
from functools import reduce
from pathlib import Path

import msgspec

from anjian.dialogue.holding import LIVE_ROUNDS
from anjian.dialogue.scripted import questions_of
from anjian.errors import AnjianError
from anjian.items.records import Item
from anjian.judges.kinds import THINKING, Kind
from anjian.judges.named import can_judge, cascades, leaves
from anjian.models.book import Price
from anjian.models.settled import version_of
from anjian.runs.desk import Desk
from anjian.runs.folder import LEDGER
from anjian.runs.ledger import Ledger
from anjian.runs.money.purse import Purse
from anjian.runs.money.spending import named, price_of
from anjian.runs.money.usage import TOKENS_PER_BYTE, Usage
from anjian.runs.plan import Plan, Prepared
from anjian.runs.seats import Seats, model_names


class Part(msgspec.Struct):
    """What one model has to do in one role.

    Attributes:
        role: `target`, `judge` or `adversary`.
        model: Its name.
        calls: Calls at most, those that are stored included.
        left: Calls that are not stored.
        prompt: Tokens of a prompt, on average; None where nothing is known.
        reply: The same of a reply.
        price: What they cost.
        most: True if there may be fewer: a cascade asks only what goes up, thinking is judged where there is any.
        stored: Calls that are stored.
    """

    role: str
    model: str
    calls: int = 0
    left: int = 0
    prompt: float | None = None
    reply: float | None = None
    price: Price | None = None
    most: bool = False
    stored: int = 0

    @property
    def cost(self) -> float | None:
        """What the calls that are left cost; None where that is not known."""
        if self.price is None or self.prompt is None or self.reply is None:
            return None
        return self.price.of(self.left * self.prompt, self.left * self.reply)


class Estimate(msgspec.Struct, frozen=True):
    """What everybody has to do, what was spent before by currency, and why the ledger cannot be read, if so."""

    parts: list[Part]
    spent: dict[str, float]
    fault: str = ""


async def estimate(prepared: Prepared, folder: Path) -> Estimate:
    """Counts what is missing in a run folder, which need not exist; asks nobody, and writes nothing there."""
    plan = prepared.plan
    dear = {leaf for one in cascades(plan.judges).values() for leaf in leaves(one.dear)}
    parts = [Part("target", plan.model)]
    parts += [Part("judge", name, most=name in dear or plan.judge_thinking) for name in model_names(plan.judges)]
    parts += [Part("adversary", plan.adversary)] if plan.adversary else []
    with tempfile.TemporaryDirectory() as scratch:
        try:
            for end in ("", "-wal"):
                if (folder / f"{LEDGER}{end}").is_file():
                    shutil.copyfile(folder / f"{LEDGER}{end}", Path(scratch) / f"{LEDGER}{end}")
            with Ledger(Path(scratch) / LEDGER) as ledger:
                await _replay(prepared, ledger, parts)
                usage, fault = ledger.usage, ""
        except (AnjianError, OSError) as error:
            usage, fault = {}, str(error).replace(f"{scratch}/", f"{folder}/")
            _count_all(prepared, parts)
    purse = Purse([])
    purse.enter(folder / LEDGER, usage)
    for part in parts:
        used = reduce(Usage.joined, (one for name, one in usage.items() if part.model in (name, named(name))), Usage())
        part.price = price_of(part.model)
        part.stored = min(part.calls - part.left, used.calls) if part.most else part.calls - part.left
        if used.calls:
            part.prompt, part.reply = (tokens / used.calls for tokens in used.tokens)
        elif part.role == "target":
            part.prompt = _prompt(prepared)
    return Estimate(parts, purse.costs(), fault)


def _count_all(prepared: Prepared, parts: list[Part]) -> None:
    for part in parts:
        part.calls = part.left = 0
    for item in prepared.items:
        _count(prepared, item, parts, prepared.plan.epochs)
    for part in parts:
        part.left = part.calls


def _count(prepared: Prepared, item: Item, parts: list[Part], times: int = 1) -> tuple[int, int, Kind | None]:
    """Adds the calls of an item; returns replies of the target, turns of the adversary, and what is judged."""
    plan, suite = prepared.plan, prepared.suite
    asked, turns = suite.holding.calls(item, (plan.rounds or LIVE_ROUNDS) if plan.adversary else None)
    kind = suite.task(suite.task_of(item)).kind
    for part in parts:
        judged = asked * judgements(plan, kind, part.model)
        part.calls += times * {"target": asked, "judge": judged, "adversary": turns}[part.role]
    return asked, turns, kind


def judgements(plan: Plan, kind: Kind | None, model: str) -> int:
    """How often a model judges a reply of a kind, at most: the answer, and the thinking where that is wanted."""
    if kind is None or kind.by:
        return 0
    asked = [kind, THINKING] if plan.thinking_of(kind) else [kind]
    return sum(model in leaves(judge) and can_judge(judge, one) for judge in plan.judges for one in asked)


async def _replay(prepared: Prepared, ledger: Ledger, parts: list[Part]) -> None:
    plan = prepared.plan
    if not ledger.count():
        _count_all(prepared, parts)
        return
    versions = {name: version_of(name) for name in model_names(plan.names) if name != plan.model}
    seats = Seats(plan.names, ledger, {}, {name: version for name, version in versions.items() if version})
    desk, judges = Desk(prepared, ledger, seats), [part for part in parts if part.role == "judge"]
    for item, epoch in map(prepared.sample, range(prepared.total)):
        asked, turns, kind = _count(prepared, item, parts)
        dialogue = await desk.held(item, epoch)
        answered = sum(bool(one.thought and one.thought.answer) for one in dialogue.exchanges)
        left = 0 if dialogue.whole else asked - answered
        before = [seats[part.model].missed for part in judges]
        if any(judgements(plan, kind, part.model) for part in judges):
            await desk.judged(item, epoch, dialogue)
        for part in parts:
            part.left += {
                "target": left,
                "judge": judgements(plan, kind, part.model) * left,
                "adversary": min(turns, left),
            }[part.role]
        for part, missed in zip(judges, before, strict=True):
            part.left += seats[part.model].missed - missed


def _prompt(prepared: Prepared) -> float:
    """Tokens of a prompt, by the length of histories and questions; earlier replies are not in it."""
    size = calls = 0
    for item in prepared.items:
        said = sum(len(message.content.encode(errors="replace")) for message in item.history)
        for turn in questions_of(item):
            said += len(turn.encode(errors="replace"))
            size += said
            calls += 1
    return TOKENS_PER_BYTE * size / calls
