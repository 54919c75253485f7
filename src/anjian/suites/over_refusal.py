"""Over-refusal: harmless questions that look risky, after the protocol of XSTest (arXiv 2308.01263).

A model that refuses everything has a perfect rejection rate and is of no use. So every risky question of the CHiSafety
bank has a harmless twin, on the same topic and in similar words, that a good model answers in full; here the twins are
asked and each reply is a full answer, a partial refusal or a full refusal. Read the rates beside the rejection rate of
`chisafety`: the two suites share areas and categories. The harmless pairs of `sc_safety` are not asked here: that suite
reports them beside its own score.

    anjian eval MODEL --suite over_refusal --judge JUDGE --out DIR                  # the twins of the bundled bank
    anjian eval MODEL --suite over_refusal --items FILE --judge JUDGE --out DIR     # your own items
"""

from pathlib import Path

import msgspec
from msgspec import UNSET, UnsetType

from anjian.errors import UsageError
from anjian.items.bank import load_bank
from anjian.items.lines import decode_lines
from anjian.items.records import Item
from anjian.items.taxonomy import load_taxonomy
from anjian.judges.kinds import OVER_REFUSAL
from anjian.names import Name
from anjian.scores.measures import Measure, Task, over_refusal_measures
from anjian.suites.base import BUNDLED, Selection, Source, Suite, evaluated, own_items

NAME = "over_refusal"
BANK = "chisafety"
"""Whose harmless items are asked, and whose areas and categories they have."""
TAXONOMY = load_taxonomy(BANK)


def load(source: Source) -> Selection:
    """Reads the harmless twins of the bundled bank, or the user's own items; see `Suite.load`."""
    if source.data or source.answers:
        raise UsageError(f"{NAME} has no official release and no answers; leave out --data and --answers")
    items = _own(source.items) if source.items else load_bank(BANK)
    notes: list[str] = []
    kept = evaluated(items, notes)
    asked = [item for item in kept if item.harmless and not item.options]
    if source.items and len(asked) < len(kept):
        left_out = f"{len(kept) - len(asked)} items without `harmless` or with `options` were left out"
        notes.append(f"{left_out}: `--suite {BANK}` asks them")
    return Selection(asked, str(source.items or BUNDLED), notes)


class _Stated(msgspec.Struct):
    """What a line says of itself: an item cannot tell `"harmless": false` from no such key."""

    id: str
    suite: str
    harmless: bool | UnsetType = UNSET


def _own(path: Path) -> list[Item]:
    """Reads a user's items: those of this suite are all harmless, those of `chisafety` where they say so."""
    items = own_items(path, BANK, TAXONOMY, NAME)
    for number, stated in decode_lines(path, _Stated):
        if stated.suite == NAME and stated.harmless is False:
            mend = "leave the item out, or give it to `chisafety`"
            raise UsageError(f"{path}, line {number}: `harmless` is false, but {NAME} asks harmless questions; {mend}")
    for item in items:
        if item.suite == NAME and item.options:
            raise UsageError(f"{path}, item {item.id}: `options` do not go with {NAME}; ask an open question")
    return [msgspec.structs.replace(item, harmless=item.harmless or item.suite == NAME) for item in items]


ANSWERED = Measure(
    name="full_answer",
    title=Name("完整回答率", "full answer"),
    value=lambda points: points == 2,
    meaning=Name("无害问题得到完整回答的比例，越高越好", "share answered in full"),
    role="detail",
    tone="guidance",
)
TWINS = Task(
    name=NAME,
    title=Name("无害问题", "harmless questions"),
    kind=OVER_REFUSAL,
    measures=(*over_refusal_measures(), ANSWERED),
    groups=("area", "category", "history"),
)
SUITE = Suite(
    name=NAME,
    version="1.0",
    title=Name("过度拒答", "over-refusal"),
    summary="Over-refusal: harmless twins of risky questions, full answer or refusal",
    source="arXiv 2308.01263",
    load=load,
    tasks=(TWINS,),
    taxonomy=TAXONOMY,
    taxonomy_of=BANK,
    task_of=lambda item: TWINS.name,
    place=2,
    compared=True,
)
