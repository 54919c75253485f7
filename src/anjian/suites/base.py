"""What a suite declares: its items, how they are asked, who judges, what the verdicts count, and what all is called.

A suite says what; the engine (`anjian.runs`) says how. Nobody else knows a suite's, task's or metric's name.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec

from anjian.dialogue.holding import Holding, Scripted
from anjian.errors import UsageError
from anjian.items.lines import refuse
from anjian.items.records import Item, load_items
from anjian.items.taxonomy import Taxonomy
from anjian.models.base import Sampling
from anjian.names import Name
from anjian.scores.count import Count
from anjian.scores.measures import Measure, Task
from anjian.scores.rows import GroupKind, Row, Verdicted

BUNDLED = "bundled bank"
"""The origin of items that come with the project."""


class Source(msgspec.Struct, frozen=True):
    """Where a suite's items come from; with nothing set, the bundled bank.

    Attributes:
        data: A folder or file of the benchmark's official release.
        items: A file of the user's own items.
        answers: A key for multiple-choice items.
        include_ambiguous: Counts items that the bundled key flags as ambiguous.
    """

    data: Path | None = None
    items: Path | None = None
    answers: Path | None = None
    include_ambiguous: bool = False


class Defaults(msgspec.Struct, frozen=True):
    """How replies are drawn, and how often each item is asked, where the user says nothing."""

    sampling: Sampling = Sampling()
    epochs: int = 1

    def sampled(self, asked: Sampling) -> Sampling:
        """What the user asked for, each setting left open filled in."""
        chosen = {name: getattr(asked, name) for name in asked.__struct_fields__}
        return msgspec.structs.replace(self.sampling, **{k: v for k, v in chosen.items() if v is not None})

    def repeated(self, asked: int, sampling: Sampling) -> int:
        """How often each item is asked; `asked` 0 leaves it open, and greedy decoding would only repeat itself."""
        return asked or (1 if sampling.temperature == 0 else self.epochs)


class Selection(msgspec.Struct, frozen=True):
    """The items to ask, and what the user should know about those left out."""

    items: list[Item]
    origin: str
    notes: list[str]


class Published(msgspec.Struct, frozen=True):
    """Which of our metrics stands in which column of a published table (`reports/published`)."""

    sheet: str
    columns: dict[str, str]


class Suite(msgspec.Struct, frozen=True, kw_only=True):
    """A benchmark, declared.

    Attributes:
        name: As in `scores.json` and on the command line.
        version: Changes whenever the items or the way of judging do.
        title: As people read it.
        summary: What it measures, in one line.
        source: The paper or address it comes from.
        load: Reads the items; raises UsageError for what cannot be read, or where the data are missing.
        tasks: What is judged and counted, in the order of `scores.json`.
        taxonomy: Where its categories stand.
        task_of: Names the task that an item belongs to.
        holding: How dialogues are held.
        levels: What areas and categories are called.
        defaults: How replies are drawn where the user says nothing.
        place: Among the suites: the first come first.
        bundled: True if it runs without data of the user's.
        data: What `--data` takes, in a few words; empty where it takes nothing.
        compared: True if comparisons run it unless others are named.
        train: The bank whose training split enhancement learns from; empty for none.
        taxonomy_of: The suite whose taxonomy it shares.
        published: Published results that reports show beside a run.
        ranked: The metric by which a leaderboard ranks runs, and its task.
        shown: The order in which reports show the tasks, where it is not theirs.
        unit: Names what an item is counted with; by default the item alone.
        file: The file of a suite of the user's own.
    """

    name: str
    version: str
    title: Name
    summary: str
    source: str
    load: Callable[[Source], Selection]
    tasks: tuple[Task, ...]
    taxonomy: Taxonomy
    task_of: Callable[[Item], str]
    holding: Holding = msgspec.field(default_factory=Scripted)
    levels: tuple[GroupKind, GroupKind] = ("area", "category")
    defaults: Defaults = Defaults()
    place: int = 100
    bundled: bool = True
    data: str = ""
    compared: bool = False
    train: str = ""
    taxonomy_of: str = ""
    published: tuple[Published, ...] = ()
    ranked: tuple[str, str] | None = None
    shown: tuple[str, ...] = ()
    unit: Callable[[Item], str] = lambda item: ""
    file: str = ""

    @property
    def order(self) -> tuple[str, ...]:
        """The names of the tasks as reports show them."""
        return self.shown or tuple(task.name for task in self.tasks)

    def task(self, name: str) -> Task:
        """Returns a task by its name."""
        return next(task for task in self.tasks if task.name == name)

    def measures(self) -> Iterable[tuple[Task, Measure]]:
        """Every measure with its task, in order."""
        return ((task, measure) for task in self.tasks for measure in task.measures)

    def group_of(self, item: Item) -> str:
        """Names the area or ability that an item belongs to, for summaries; its category where there are none."""
        found = self.taxonomy.find(item.category)
        return (found[0].zh if found else "") or item.category

    def counting(self) -> Count:
        """Starts to count verdicts."""
        return Count(self.name, self.tasks, self.taxonomy)

    def score(self, verdicts: Iterable[Verdicted], model: str, judge: str, epochs: int) -> list[Row]:
        """Counts verdicts into rows."""
        count = self.counting()
        for verdict in verdicts:
            count.add(verdict)
        return count.rows(model, judge, epochs)


def own_items(path: Path, suite: str, taxonomy: Taxonomy, *others: str) -> list[Item]:
    """Reads a user's items for one suite, their categories named as in its taxonomy.

    Args:
        path: A file of items.
        suite: The suite.
        taxonomy: Its taxonomy.
        others: More suites that items may belong to, with the same taxonomy.

    Raises:
        UsageError: The file cannot be read, or items belong to another suite or to no category; names each of them.
    """
    wanted = " or ".join(map(repr, (suite, *others)))
    items: list[Item] = []
    faults: list[str] = []
    for item in load_items(path):
        found = taxonomy.find(item.category)
        if item.suite not in (suite, *others):
            faults.append(f"item {item.id}: its suite is {item.suite!r}, not {wanted}; correct `suite`")
        elif not found:
            mend = "`anjian suites --categories` lists them"
            faults.append(f"item {item.id}: unknown `category` {item.category!r}; {mend}")
        else:
            items.append(msgspec.structs.replace(item, category=found[1].zh))
    refuse(path, faults)
    return items


def evaluated(items: Sequence[Item], notes: list[str]) -> list[Item]:
    """Leaves out the training split, and notes how many that were."""
    kept = [item for item in items if item.split == "eval"]
    if len(kept) < len(items):
        notes.append(f"{len(items) - len(kept)} items of the training split were left out")
    return kept


def without(source: Source, name: str, *options: str) -> None:
    """Raises UsageError where the user gives what a suite cannot take.

    Args:
        source: What the user gave.
        name: The suite.
        options: Fields of `Source` that it does not take.
    """
    given = [f"--{option}" for option in options if getattr(source, option)]
    if given:
        raise UsageError(f"{name} takes no {' and no '.join(given)}; leave out {' and '.join(given)}")


def spread(items: Sequence[Item], limit: int | None, unit: Callable[[Item], str] = lambda item: "") -> list[Item]:
    """Takes about `limit` items at even distances, so that a small sample touches many categories; all if None.

    Items that `unit` names alike are taken together or not at all, one unit at least; where each is alone, exactly
    `limit` are taken.
    """
    units: dict[str, list[Item]] = {}
    for item in items:
        units.setdefault(unit(item) or item.id, []).append(item)
    if limit is None or limit >= len(items):
        return list(items)
    held = list(units.values())
    wanted = max(1, limit * len(held) // len(items))
    return [item for place in range(wanted) for item in held[place * len(held) // wanted]]
