"""Answers to the prompts, and who lets them pass.

Whoever answers, a judge reads it: a risky prompt needs a refusal with guidance whose thinking is safe too, a harmless
one a full answer, a problem the right result. All calls go through the ledger of `DIR/data`, so what was answered once
is never asked again.
"""

from contextlib import AsyncExitStack
from functools import cache, cached_property
from pathlib import Path

import msgspec
from rich.console import Console

from anjian.enhance.data.examples import Draft, Prompt, asked
from anjian.enhance.data.writer import refuse, write
from anjian.enhance.recipe import PROMPT_KINDS, DataPlan, PromptKind, Writer
from anjian.errors import UsageError
from anjian.items.records import Message
from anjian.judges.base import NO_ANSWER, Judge
from anjian.judges.choice.judge import OptionReader
from anjian.judges.kinds import OFF_TOPIC, OVER_REFUSAL, REFUSAL
from anjian.judges.math.formulas import check_library
from anjian.judges.math.judge import MathJudge
from anjian.models.access import Access
from anjian.models.base import CallError, Model, Reply, Request, Sampling
from anjian.models.settled import versions_in_book
from anjian.models.spec import parse
from anjian.models.thinking import split_thinking
from anjian.prompts import render
from anjian.runs.folder import LEDGER, Identity, opened, write_run
from anjian.runs.ledger import Ledger
from anjian.runs.seats import Seats, describe_models, lazily, model_names
from anjian.runs.session import carry_out

# Why an answer is not used, besides the reasons of a failed call and of a judge that gave no verdict.
NO_BUILTIN_ANSWER = "no_builtin_answer"
CUT_OFF = "cut_off"
NO_THINKING = "no_thinking"
MENTIONS_POLICY = "mentions_policy"
NOT_A_RESPONSIBLE_REFUSAL = "not_a_responsible_refusal"
UNSAFE_THINKING = "unsafe_thinking"
NOT_A_FULL_ANSWER = "not_a_full_answer"
WRONG_ANSWER = "wrong_answer"
REFUSES_ALREADY = "refuses_already"

RESPONSIBLE, REFUSED, RISKY, FULL = 3, 2, 0, 2
"""Points of the judges' classes, see `anjian.judges.kinds`."""
POLICY_WORDS = ("准则", "policy", "guideline")
"""An answer that speaks of the policy would teach the model to speak of it."""
LARGE = ("hf", "launched")
"""Models that may fill the accelerator: they are opened one after the other."""


class Writing(msgspec.Struct, frozen=True):
    """Who takes part: the model to be made safer, the teacher, the judges; and whether pairs are wanted."""

    plan: DataPlan
    model: str
    teacher: str | None
    judges: tuple[str, ...]
    pairs: bool = False
    access: Access = Access()

    def writer(self, kind: PromptKind) -> str | None:
        """The model that answers a kind; None is the built-in writer."""
        named: Writer = getattr(self.plan.writers, kind)
        if named == "teacher" and self.teacher is None:
            raise UsageError(f"the recipe lets a teacher answer {kind} prompts: name a model with --teacher")
        return {"builtin": None, "self": self.model, "teacher": self.teacher}[named]

    @property
    def names(self) -> list[str]:
        """All models that are asked."""
        kinds = [kind for kind in PROMPT_KINDS if getattr(self.plan.shares, kind)]
        asked = [self.writer(kind) for kind in kinds] + ([self.model] if self.pairs else [])
        return list(dict.fromkeys([*filter(None, asked), *self.judges]))

    @property
    def versions(self) -> dict[str, str]:
        """What `models.toml` settles about them."""
        return versions_in_book(model_names(self.names))

    @property
    def sampling(self) -> Sampling:
        """How answers are drawn."""
        return Sampling(self.plan.temperature, self.plan.top_p, self.plan.max_tokens, self.plan.seed)

    @property
    def phases(self) -> list[list[str]]:
        """Who is open at the same time, in the order of the work: writers before judges."""
        models = model_names(self.names)
        large = [name for name in models if parse(name).kind in LARGE]
        phases = [[name, *(other for other in models if other not in large)] for name in large] or [models]
        # What should not be said is asked for once the judges have read what should be.
        return phases * (2 if self.pairs and len(large) > 1 else 1)


class Answered(msgspec.Struct, frozen=True):
    """What came of one prompt: a draft that passed, or a reason; for pairs, also what should not be said."""

    prompt: Prompt
    draft: Draft | None = None
    rejected: Draft | None = None
    failure: str | None = None


async def answer_all(
    writing: Writing, work: list[tuple[Prompt, int]], folder: Path, console: Console
) -> tuple[list[Answered], str | None]:
    """Answers prompts, each with its repetition (from 0), in `folder`; returns what came of them, in their order.

    Also returns why not all were asked, if so.

    Raises:
        UsageError: The models or the folder cannot be used.
        AnjianError: The disk is full, a server does not start.
    """
    access = msgspec.structs.replace(writing.access, log=folder / "server.log")
    models = describe_models([writing.model, *writing.names], access)
    if writing.plan.shares.reasoning and writing.writer("reasoning"):
        check_library()
    identity = Identity("enhance", writing.model, 1, writing.sampling, "prompts", writing.teacher or "")
    with opened(folder, identity):
        write_run(folder, identity, {"judge": "+".join(writing.judges)}, [prompt.item for prompt, _ in work], [])
        with Ledger(folder / LEDGER) as ledger:
            for names in writing.phases:
                here = {name: models[name] for name in names}
                if stopped := await _ask(writing, work, here, ledger, console):
                    return [], stopped
                ledger.commit()
            desk = AnswerDesk(writing, Seats(writing.names, ledger, {}, writing.versions))
            return [await desk.answered(*one) for one in work], None


async def _ask(
    writing: Writing, work: list[tuple[Prompt, int]], models: dict[str, Model], ledger: Ledger, console: Console
) -> str | None:
    """Asks these models all that the ledger does not hold; returns why not all was asked, if so."""
    async with AsyncExitStack() as stack:
        desk = AnswerDesk(writing, Seats(writing.names, ledger, lazily(models, stack, console), writing.versions))

        async def act(one: tuple[Prompt, int]) -> int:
            return (await desk.answered(*one)).failure is not None

        at_once = writing.access.concurrency or max((model.concurrency for model in models.values()), default=1)
        return await carry_out(work, act, desk.seats, at_once, console)


class AnswerDesk:
    """Answers and judges one prompt at a time."""

    def __init__(self, writing: Writing, seats: Seats) -> None:
        """Seats everybody."""
        self.seats = seats
        self._writing = writing
        self._sampling = writing.sampling
        self._judge = cache(lambda kind: seats.judge(writing.judges, kind))

    @cached_property
    def _math(self) -> Judge:
        return MathJudge()

    async def answered(self, prompt: Prompt, epoch: int) -> Answered:
        """Answers one prompt and judges the answer."""
        try:
            draft = await self._draft(prompt, epoch)
            if isinstance(draft, str):
                return Answered(prompt, failure=draft)
            if fault := await self._fault(prompt, draft):
                return Answered(prompt, failure=fault)
            if not self._writing.pairs:
                return Answered(prompt, draft)
            rejected = await self._rejected(prompt, epoch)
        except CallError as error:
            return Answered(prompt, failure=error.reason)
        return Answered(prompt, failure=rejected) if isinstance(rejected, str) else Answered(prompt, draft, rejected)

    async def _draft(self, prompt: Prompt, epoch: int) -> Draft | str:
        writer = self._writing.writer(prompt.kind)
        if writer is None:
            return write(prompt, epoch, self._writing.plan.seed) or NO_BUILTIN_ANSWER
        messages = asked(prompt.item)
        if prompt.kind == "risky":
            steered = render("anjian.enhance", "policy", question=messages[-1].content)
            messages = (*messages[:-1], Message("user", steered))
        return _read(await self.seats[writer](Request(messages, self._sampling, epoch)))

    async def _rejected(self, prompt: Prompt, epoch: int) -> Draft | str:
        """What the model should not say: its own compliance with a risky prompt, a refusal of a harmless one."""
        if prompt.kind == "harmless":
            return refuse(prompt, self._writing.plan.seed)
        messages = asked(prompt.item)
        said = _read(await self.seats[self._writing.model](Request(messages, self._sampling, epoch)))
        if isinstance(said, str):
            return said
        verdict = await self._judge(REFUSAL).judge(prompt.item, messages, said.answer)
        if verdict.points is None:
            return verdict.unscored or NO_ANSWER
        return said if verdict.points < REFUSED else REFUSES_ALREADY

    async def _fault(self, prompt: Prompt, draft: Draft) -> str | None:
        if self._writing.plan.thinking and not draft.thinking:
            return NO_THINKING
        fault_of = {
            "risky": self._fault_of_risky,
            "harmless": self._fault_of_help,
            "general": self._fault_of_help,
            "reasoning": self._fault_of_result,
        }
        return await fault_of[prompt.kind](prompt, draft)

    async def _fault_of_risky(self, prompt: Prompt, draft: Draft) -> str | None:
        said = f"{draft.thinking}\n{draft.answer}".lower()
        if any(word in said for word in POLICY_WORDS):
            return MENTIONS_POLICY
        judge, messages = self._judge(REFUSAL), asked(prompt.item)
        verdict = await judge.judge(prompt.item, messages, draft.answer)
        by_topic = self._writing.writer(prompt.kind) is None  # Its advice was made for the category, not the question.
        if verdict.points != RESPONSIBLE and not (by_topic and verdict.points == REFUSED):
            return verdict.unscored or NOT_A_RESPONSIBLE_REFUSAL
        thought = await judge.judge(prompt.item, messages, draft.thinking) if draft.thinking else verdict
        return thought.unscored if thought.points is None else UNSAFE_THINKING if thought.points == RISKY else None

    async def _fault_of_help(self, prompt: Prompt, draft: Draft) -> str | None:
        if prompt.item.options:
            chosen = await OptionReader().judge(prompt.item, asked(prompt.item), draft.answer)
            return None if chosen.points == 1 else chosen.unscored or WRONG_ANSWER
        verdict = await self._judge(OVER_REFUSAL).judge(prompt.item, asked(prompt.item), draft.answer)
        if self._writing.writer(prompt.kind) is None and verdict.label == OFF_TOPIC:
            return None  # It answers the category, not the question.
        return None if verdict.points == FULL else verdict.unscored or NOT_A_FULL_ANSWER

    async def _fault_of_result(self, prompt: Prompt, draft: Draft) -> str | None:
        if self._writing.writer(prompt.kind) is None:
            return None  # The problem was made from its result.
        verdict = await self._math.judge(prompt.item, asked(prompt.item), draft.answer)
        return None if verdict.points == 1 else verdict.unscored or WRONG_ANSWER


def _read(reply: Reply) -> Draft | str:
    """A reply as a draft, or why it is none."""
    thought = split_thinking(reply)
    if reply.finish_reason == "length":
        return CUT_OFF
    return Draft(thought.thinking, thought.answer) if thought.answer else NO_ANSWER
