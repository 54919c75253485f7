"""Where prompts come from, and which of them must not be trained on."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from anjian.enhance.data.examples import Prompt, seeded
from anjian.enhance.data.problems import problem
from anjian.enhance.data.writer import text
from anjian.enhance.recipe import BANK, BUILTIN, PROMPT_KINDS, DataPlan, PromptKind
from anjian.errors import UsageError
from anjian.items.bank import banks, load_bank
from anjian.items.near import NEAR, NearIndex, grams, jaccard, text_of
from anjian.items.records import Item, load_items
from anjian.suites import training_items

_NUMBER = re.compile(r"\d+(?:\.\d+)?")


class Overlap(msgspec.Struct, frozen=True):
    """A prompt that was left out: `near` is what it repeats, `similarity` their Jaccard similarity."""

    id: str
    kind: PromptKind
    near: str
    similarity: float


class Cleaned(msgspec.Struct, frozen=True):
    """Prompts that may be trained on, those that overlap an evaluation set, and those that repeat another prompt."""

    prompts: list[Prompt]
    contaminated: list[Overlap]
    repeated: list[Overlap]
    compared: int


def read_prompts(plan: DataPlan) -> list[Prompt]:
    """Reads the prompts of every kind that has a share, in an order drawn from the seed.

    Raises:
        UsageError: A file cannot be read, lacks answers, or there are no prompts of a kind.
    """
    found: list[Prompt] = []
    for kind in PROMPT_KINDS:
        if not getattr(plan.shares, kind):
            continue
        named = getattr(plan.sources, kind)
        prompts = [prompt for source in named for prompt in _from(kind, source, plan)]
        if not prompts:
            raise UsageError(f"no prompts of kind {kind} in {', '.join(named) or 'the recipe'}; name a file of items")
        seeded(plan.seed, kind).shuffle(prompts)
        found += prompts
    return found


def _from(kind: PromptKind, source: str, plan: DataPlan) -> list[Prompt]:
    if source == BANK:
        wanted = {"risky": False, "harmless": True}.get(kind)
        items = [item for item in training_items() if not item.options and item.harmless == wanted]
    elif source != BUILTIN:
        items = load_items(Path(source))
        without = next((item for item in items if item.answer is None), None)
        if kind == "reasoning" and without:
            raise UsageError(f"{source}, item {without.id}: reasoning problems need an `answer` to be checked against")
    elif kind == "reasoning":
        # A few more than wanted: some go out as repetitions, some are answered wrongly.
        return [problem(number, plan.seed) for number in range(round(2 * plan.examples * plan.shares.reasoning) + 20)]
    elif kind == "general":
        prompts = text("general")["prompts"]
        items = [Item(f"general-{n}", "general", "general", (words,)) for n, words in enumerate(prompts)]
    else:
        raise UsageError(f"there are no built-in prompts of kind {kind}; use 'bank' or a file of items")
    return [Prompt(kind, item, source if source in (BANK, BUILTIN) else Path(source).name) for item in items]


def clean(prompts: list[Prompt], against: Iterable[Path]) -> Cleaned:
    """Leaves out what overlaps the bank's evaluation split or a file of `against`, and what repeats another prompt.

    Two problems in the same words with other numbers are two problems: for reasoning the numbers must agree too.
    """
    held_out = _Seen()
    compared = 0
    for name, item in _evaluated(against):
        held_out.add(name, item)
        compared += 1
    seen, kept = _Seen(), []
    contaminated: list[Overlap] = []
    repeated: list[Overlap] = []
    for prompt in prompts:
        for index, out in ((held_out, contaminated), (seen, repeated)):
            if near := index.nearest(prompt):
                out.append(Overlap(prompt.item.id, prompt.kind, near[0], round(near[1], 3)))
                break
        else:
            seen.add(prompt.item.id, prompt.item, prompt.kind)
            kept.append(prompt)
    return Cleaned(kept, contaminated, repeated, compared)


def _evaluated(against: Iterable[Path]) -> Iterator[tuple[str, Item]]:
    for suite in banks():
        for item in load_bank(suite):
            yield f"bank {item.id}", item
    for path in against:
        for item in load_items(path):
            yield f"{path.name} {item.id}", item


class _Seen:
    """Questions by what is near them; problems in their own lists, one for each set of numbers."""

    def __init__(self) -> None:
        self._questions = NearIndex()
        self._problems: dict[tuple[str, ...], dict[str, frozenset[str]]] = {}
        self._count = 0

    def add(self, name: str, item: Item, kind: PromptKind | None = None) -> None:
        # Names must differ within an index, and ids may repeat between files.
        self._count += 1
        unique = f"{name}\0{self._count}"
        if kind != "reasoning":
            self._questions.add(unique, text_of(item))
        if kind in (None, "reasoning"):
            self._problems.setdefault(_numbers(item), {})[unique] = grams(text_of(item))

    def nearest(self, prompt: Prompt) -> tuple[str, float] | None:
        if prompt.kind != "reasoning":
            found = self._questions.nearest(text_of(prompt.item))
        else:
            mine = grams(text_of(prompt.item))
            others = self._problems.get(_numbers(prompt.item), {})
            found = max(
                ((name, jaccard(mine, theirs)) for name, theirs in others.items()), key=lambda p: p[1], default=None
            )
            found = found if found and found[1] >= NEAR else None
        return (found[0].split("\0")[0], found[1]) if found else None


def _numbers(item: Item) -> tuple[str, ...]:
    return tuple(sorted(_NUMBER.findall(text_of(item))))
