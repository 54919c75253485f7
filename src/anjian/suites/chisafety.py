"""CHiSafetyBench: a hierarchical Chinese safety benchmark (arXiv 2406.10311).

Two tasks over 5 risk areas and 31 categories: multiple choice (accuracy) and risky questions with or without dialogue
history (rejection rate RR-1, responsibility rate RR-2, harm rate HR).

    anjian eval MODEL --suite chisafety --out DIR                       # the bundled bank
    anjian eval MODEL --suite chisafety --data FOLDER --out DIR         # the official release
    anjian eval MODEL --suite chisafety --items FILE --out DIR          # your own items
"""

from collections.abc import Iterable

import msgspec

from anjian.dialogue.scripted import converse, questions_of
from anjian.errors import UsageError
from anjian.items.answer_keys import apply_bundled_key, load_answers
from anjian.items.bank import load_bank
from anjian.items.official import read_official
from anjian.items.records import Item
from anjian.items.taxonomy import load_taxonomy
from anjian.judges.choice.judge import OptionReader
from anjian.scores import measures
from anjian.scores.measures import Measure, Measures
from anjian.scores.rows import GroupKind, Row, Verdicted
from anjian.scores.shapes import shape_rows
from anjian.scores.tally import Tally, taxonomy_order
from anjian.scores.votes import alpha_rows
from anjian.suites.base import (
    BUNDLED,
    Cast,
    Defaults,
    Round,
    Selection,
    Source,
    evaluated,
    judge_exchange,
    own_items,
    verdicted,
)

MCQ, REFUSAL = "mcq", "refusal"
MEASURES: Measures = {MCQ: {"acc_o": Measure(lambda right: right == 1, by_area="acc_i")}, REFUSAL: measures.REFUSAL}
NO_KEY = "{n} multiple-choice questions have no key and were not asked; give one with --answers FILE"
AMBIGUOUS = (
    "{n} multiple-choice questions without a plain answer in the bundled key were not asked; "
    "--include-ambiguous counts those that it flags"
)


class ChiSafety:
    """The suite `chisafety`."""

    name = "chisafety"
    version = "1.0"
    title = "CHiSafetyBench: risk identification and refusal, 5 areas, 31 categories"
    adversarial = False
    defaults = Defaults()
    measures = MEASURES

    def load(self, source: Source) -> Selection:
        """Reads the bundled bank, an official release or the user's own items; see `Suite.load`."""
        if source.data and source.items:
            raise UsageError("--data and --items exclude each other; choose one")
        if source.data:
            items, origin = read_official(source.data), f"official release in {source.data}"
            items = items if source.answers else apply_bundled_key(items, source.include_ambiguous)
        elif source.items:
            items, origin = own_items(source.items, self.name), str(source.items)
        else:
            items, origin = load_bank(self.name), BUNDLED
        if source.answers:
            items = load_answers(source.answers, items)
        no_key = AMBIGUOUS if source.data and not source.answers else NO_KEY
        return self._selected(items, origin, no_key)

    def _selected(self, items: list[Item], origin: str, no_key: str) -> Selection:
        notes: list[str] = []
        kept = evaluated(items, notes)
        risky = [item for item in kept if not item.harmless]
        if origin != BUNDLED and len(risky) < len(kept):
            notes.append(f"{len(kept) - len(risky)} harmless items were left out: `--suite over_refusal` asks them")
        asked = [item for item in risky if not item.options or item.answer]
        if len(asked) < len(risky):
            notes.append(no_key.format(n=len(risky) - len(asked)))
        return Selection(asked, origin, notes)

    def task_of(self, item: Item) -> str:
        """`mcq` for items with options, `refusal` for the others."""
        return MCQ if item.options else REFUSAL

    def group_of(self, item: Item) -> str:
        """The area, in Chinese."""
        return load_taxonomy(self.name).area_of(item.category).zh

    def calls(self, item: Item, judges: int, rounds: int | None) -> tuple[int, int, int]:
        """One call to the target for each turn; each reply to a risky question goes to each judging model."""
        turns = len(questions_of(item))
        return turns, 0 if item.options else turns * judges, 0

    async def evaluate(self, item: Item, epoch: int, cast: Cast) -> list[Round]:
        """Holds the dialogue and judges every reply; see `Suite.evaluate`."""
        judge = OptionReader() if item.options else cast.judge("refusal")
        exchanges = await converse(item.history, questions_of(item), lambda messages: cast.say(messages, epoch))
        return [
            verdicted(
                item, self.task_of(item), epoch, number, held, await judge_exchange(item, held, judge), judge.name
            )
            for number, held in enumerate(exchanges, 1)
        ]

    def score(self, verdicts: Iterable[Verdicted], model: str, judge: str, epochs: int) -> list[Row]:
        """ACC-O and ACC-i; RR-1, RR-2 and HR, micro-averaged (section 3.3 of the paper); see `Suite.score`."""
        area = load_taxonomy(self.name).area_names()

        def groups(verdict: Verdicted) -> list[tuple[GroupKind, str]]:
            found: list[tuple[GroupKind, str]] = [
                ("overall", "overall"),
                ("area", area[verdict.category]),
                ("category", verdict.category),
            ]
            if verdict.task == REFUSAL:
                found.append(("history", "with_history" if verdict.history else "without_history"))
            return found

        tallies = {task: Tally(measures.values(found), groups) for task, found in self.measures.items()}
        kept = list(verdicts)
        for verdict in kept:
            tallies[verdict.task].add(verdict)
        order = taxonomy_order(load_taxonomy(self.name))
        judges = {MCQ: OptionReader.name, REFUSAL: judge}
        rows: list[Row] = []
        for task, tally in tallies.items():
            found = tally.rows(epochs=epochs, order=order, suite=self.name, task=task, model=model, judge=judges[task])
            rows += map(_named, found)
        head = {"suite": self.name, "model": model, "judge": judge}
        return rows + alpha_rows(kept, **head) + shape_rows(kept, **head)


def _named(row: Row) -> Row:
    """Gives accuracy the paper's names: ACC-O overall, ACC-i by area."""
    names = {"overall": "acc_o", "area": "acc_i"}
    return msgspec.structs.replace(row, metric=names.get(row.group_kind, "acc")) if row.metric == "acc_o" else row
