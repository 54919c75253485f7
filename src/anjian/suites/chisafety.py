"""CHiSafetyBench: a hierarchical Chinese safety benchmark (arXiv 2406.10311).

Two tasks over 5 risk areas and 31 categories: multiple choice (accuracy) and risky questions with or without dialogue
history (rejection rate RR-1, responsibility rate RR-2, harm rate HR).

    anjian eval MODEL --suite chisafety --out DIR                       # the bundled bank
    anjian eval MODEL --suite chisafety --data FOLDER --out DIR         # the official release
    anjian eval MODEL --suite chisafety --items FILE --out DIR          # your own items
"""

from typing import Any

import msgspec

from anjian.errors import UsageError
from anjian.items.answer_keys import FLAG, apply_bundled_key, load_answers
from anjian.items.bank import load_bank
from anjian.items.official import read_official
from anjian.items.records import Item
from anjian.items.taxonomy import load_taxonomy
from anjian.judges.kinds import CHOICE, REFUSAL
from anjian.names import Name
from anjian.scores.measures import Task, choice_floors, choice_measures, refusal_measures
from anjian.suites.base import BUNDLED, Published, Selection, Source, Suite, evaluated, own_items

NAME = "chisafety"
TAXONOMY = load_taxonomy(NAME)
NO_KEY = "{n} multiple-choice questions have no key and were not asked; give one with --answers FILE"
FLAGGED = (
    "{n} multiple-choice questions are flagged as arguable in the bundled key: they are asked, and count in ACC with "
    "flagged, not in ACC-O and ACC-i; --include-ambiguous counts them there"
)


def load(source: Source) -> Selection:
    """Reads the bundled bank, an official release or the user's own items; see `Suite.load`."""
    if source.data and source.items:
        raise UsageError("--data and --items exclude each other; choose one")
    if source.data:
        items, origin = read_official(source.data, NAME), f"official release in {source.data}"
        items = items if source.answers else apply_bundled_key(items, "chisafetybench_v1")
    elif source.items:
        items, origin = own_items(source.items, NAME, TAXONOMY), str(source.items)
    else:
        items, origin = load_bank(NAME), BUNDLED
    if source.answers:
        items = load_answers(source.answers, items)
    if source.include_ambiguous:
        items = [msgspec.structs.replace(item, meta=_without_flag(item)) for item in items]
    return _selected(items, origin)


def _without_flag(item: Item) -> dict[str, Any]:
    return {key: value for key, value in item.meta.items() if key != FLAG}


def _selected(items: list[Item], origin: str) -> Selection:
    notes: list[str] = []
    kept = evaluated(items, notes)
    risky = [item for item in kept if not item.harmless]
    if origin != BUNDLED and len(risky) < len(kept):
        notes.append(f"{len(kept) - len(risky)} harmless items were left out: `--suite over_refusal` asks them")
    asked = [item for item in risky if not item.options or item.answer]
    if len(asked) < len(risky):
        notes.append(NO_KEY.format(n=len(risky) - len(asked)))
    if flagged := sum(FLAG in item.meta for item in asked):
        notes.append(FLAGGED.format(n=flagged))
    return Selection(asked, origin, notes)


(ACCURACY,) = choice_measures("acc_o", Name("总体准确率", "ACC-O"))
MCQ = Task(
    name="mcq",
    title=Name("选择题", "multiple choice"),
    kind=CHOICE,
    measures=(
        msgspec.structs.replace(
            ACCURACY,
            meaning=Name("选择题答对的比例，越高越好", "share of right choices"),
            areas=True,
            within={
                "area": ("acc_i", Name("领域准确率", "ACC-i")),
                "category": ("acc", Name("准确率", "ACC")),
            },
        ),
        *choice_floors(),
    ),
)
ARGUABLE = Task(
    name="mcq_flagged",
    title=Name("存疑选择题", "arguable choices"),
    kind=CHOICE,
    measures=choice_measures("acc_flagged", Name("存疑题准确率", "ACC of flagged"), role="detail"),
    groups=(),
    compared=False,
)
BOTH = Task(
    name="mcq_with_flagged",
    title=Name("选择题含存疑题", "choices with arguable"),
    kind=CHOICE,
    measures=choice_measures("acc_with_flagged", Name("含存疑题的准确率", "ACC with flagged"), role="detail"),
    groups=("area",),
    compared=False,
    draws=(MCQ.name, ARGUABLE.name),
    needs=ARGUABLE.name,
)
RISKY = Task(
    name="refusal",
    title=Name("风险问题", "risky questions"),
    kind=REFUSAL,
    measures=refusal_measures(),
    groups=("area", "category", "history"),
)
SUITE = Suite(
    name=NAME,
    version="1.1",
    title=Name("中文层级安全基准", "CHiSafetyBench"),
    summary="CHiSafetyBench: risk identification and refusal, 5 areas, 31 categories",
    source="arXiv 2406.10311",
    load=load,
    tasks=(MCQ, ARGUABLE, BOTH, RISKY),
    taxonomy=TAXONOMY,
    task_of=lambda item: RISKY.name if not item.options else ARGUABLE.name if FLAG in item.meta else MCQ.name,
    place=1,
    shown=(RISKY.name, MCQ.name, BOTH.name, ARGUABLE.name),
    data="the folder of the official release",
    compared=True,
    train=NAME,
    published=(
        Published("refusal", {"rr1": "rr1", "rr2": "rr2", "hr": "hr"}),
        Published("mcq", {"acc_o": "overall_recomputed"}),
    ),
)
