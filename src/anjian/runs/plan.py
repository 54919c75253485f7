"""What is to be evaluated, and the same with its items read."""

from collections import Counter
from pathlib import Path
from typing import Literal

import msgspec

from anjian.dialogue.holding import LIVE_ROUNDS, Scripted
from anjian.errors import UsageError
from anjian.items.records import Item
from anjian.judges.builtin import DEFAULT
from anjian.judges.kinds import THINKING, Kind
from anjian.judges.named import can_judge, members, taken_apart
from anjian.judges.prompting import Prompt, prompt_of, reads_prompts, settled
from anjian.models.base import PREFIX, Sampling
from anjian.models.resolve import Access
from anjian.models.spec import parse
from anjian.runs.money.spending import roles_of
from anjian.suites import find_suite
from anjian.suites.base import Selection, Source, Suite, spread

Filtered = Literal["unscored", "refusal"]
"""What a reply is worth that a provider's filter stopped: nothing, or what the target's refusal would be."""


class Plan(msgspec.Struct, frozen=True):
    """What is to be evaluated; the options of `anjian eval` with the same names.

    `epochs` 0 and settings of `sampling` that are None leave the choice to the suite; see `prepare`.
    """

    model: str
    suite: str | Suite
    judges: tuple[str, ...] = (DEFAULT,)
    strict_ties: bool = False
    adversary: str | None = None
    rounds: int | None = None
    source: Source = Source()
    sampling: Sampling = Sampling()
    epochs: int = 0
    limit: int | None = None
    filtered: Filtered = "unscored"
    judge_thinking: bool = False
    prompts: tuple[Prompt, ...] = ()
    budget: float | None = None
    cards: tuple[Path, ...] = ()
    access: Access = Access()

    @property
    def judge(self) -> str:
        """Who judges, as reports name it: a panel's members joined."""
        return "+".join(self.judges)

    @property
    def names(self) -> tuple[str | None, ...]:
        """Everybody who takes part, the target first."""
        return (self.model, *self.judges, self.adversary)

    def thinking_of(self, kind: Kind | None) -> bool:
        """True if thinking before replies of a kind is judged apart."""
        return self.judge_thinking and kind is not None and bool(kind.risky)

    @property
    def roles(self) -> dict[str, str]:
        """What each of them takes part as."""
        return roles_of(self.model, members(self.judges), self.adversary)


class Prepared(msgspec.Struct, frozen=True):
    """A plan with its items read, and the suite's defaults where it left something open."""

    plan: Plan
    suite: Suite
    selection: Selection
    items: list[Item]

    @property
    def replies(self) -> int:
        """How many replies of the model there will be, at most."""
        rounds = (self.plan.rounds or LIVE_ROUNDS) if self.plan.adversary else None
        return self.plan.epochs * sum(self.suite.holding.calls(item, rounds)[0] for item in self.items)

    def unjudged(self) -> list[str]:
        """Says which items nobody can judge, task by task; they are asked all the same, and stay unscored."""
        plan, notes = self.plan, []
        for name, count in Counter(map(self.suite.task_of, self.items)).items():
            kind = self.suite.task(name).kind
            if kind and not kind.own and not any(can_judge(one, kind) for one in plan.judges):
                why = f"{plan.judge} cannot judge by {kind.source}; name a model with --judge MODEL"
                notes.append(f"{count} items of {name} stay unscored: {why}")
        if plan.judge_thinking:
            notes += self._unthought()
        return notes

    def _unthought(self) -> list[str]:
        """Says where thinking is not judged, though it was asked for."""
        tasks = dict.fromkeys(map(self.suite.task_of, self.items))
        without = [name for name in tasks if not self.plan.thinking_of(self.suite.task(name).kind)]
        if not any(can_judge(one, THINKING) for one in self.plan.judges):
            return [f"thinking is not judged: {self.plan.judge} cannot; name a model with --judge MODEL"]
        if not without:
            return []
        return [f"--judge-thinking does nothing for {', '.join(without)}, whose labels do not say what a risk is"]

    @property
    def judge_prompts(self) -> dict[str, str]:
        """The name and hash of the prompt by which models judge each kind; empty where none judges by a prompt."""
        if not any(map(reads_prompts, self.plan.judges)):
            return {}
        tasks = dict.fromkeys(map(self.suite.task_of, self.items))
        kinds = [*filter(None, (self.suite.task(task).kind for task in tasks))]
        kinds += [THINKING] if self.plan.judge_thinking else []
        return {kind.name: prompt_of(kind, self.plan.prompts).tag for kind in kinds if not kind.own}

    @property
    def total(self) -> int:
        """How many dialogues there are: every item, once for each epoch."""
        return len(self.items) * self.plan.epochs

    def sample(self, number: int) -> tuple[Item, int]:
        """The item and the epoch of a dialogue, by its number; the epochs of an item stand together."""
        place, epoch = divmod(number, self.plan.epochs)
        return self.items[place], epoch


def prepare(plan: Plan) -> Prepared:
    """Reads the items of a plan; raises UsageError for whatever is wrong with it."""
    suite = find_suite(plan.suite)
    if suite.holding.attacks and plan.adversary is None:
        raise UsageError(f"{suite.name} needs somebody who attacks: name a model with --adversary")
    if type(suite.holding) is Scripted and plan.adversary is not None:
        raise UsageError(f"{suite.name} has no turns that an adversary could write: leave --adversary out")
    if plan.rounds is not None and plan.adversary is None:
        raise UsageError("--rounds is for turns written live: name a model with --adversary")
    if len(set(plan.judges)) < len(plan.judges):
        raise UsageError("a panel needs different judges: each --judge must name another")
    if plan.adversary and taken_apart(plan.adversary):
        raise UsageError(f"{plan.adversary} is a judge, and no model that could write: name a model with --adversary")
    if not plan.model.startswith(PREFIX):
        plan.access.check(parse(plan.model))
    selection = suite.load(plan.source)
    if not selection.items:
        why = f": {selection.notes[-1]}" if selection.notes else ""
        raise UsageError(f"{selection.origin} leaves nothing to ask{why}")
    sampling = suite.defaults.sampled(plan.sampling)
    epochs = suite.defaults.repeated(plan.epochs, sampling)
    kinds = [task.kind for task in suite.tasks if task.kind and not task.kind.own]
    prompts = settled(plan.prompts, [*kinds, THINKING] if plan.judge_thinking else kinds, plan.judges)
    plan = msgspec.structs.replace(plan, sampling=sampling, epochs=epochs, prompts=prompts)
    prepared = Prepared(plan, suite, selection, spread(selection.items, plan.limit, suite.unit))
    noted = msgspec.structs.replace(selection, notes=[*selection.notes, *prepared.unjudged()])
    return msgspec.structs.replace(prepared, selection=noted)
