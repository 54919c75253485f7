"""CHiSafetyBench: a hierarchical Chinese safety benchmark (arXiv 2406.10311).

Two tasks over 5 risk areas and 31 categories: multiple choice (accuracy) and risky questions with or without dialogue
history (rejection rate RR-1, responsibility rate RR-2, harm rate HR).

    anjian eval MODEL --suite chisafety --out DIR                       # the bundled bank
    anjian eval MODEL --suite chisafety --data FOLDER --out DIR         # the official release
    anjian eval MODEL --suite chisafety --items FILE --out DIR          # your own items
"""

import msgspec

from anjian.errors import UsageError
from anjian.items.answer_keys import apply_bundled_key, load_answers
from anjian.items.bank import load_bank
from anjian.items.official import read_official
from anjian.items.records import Item
from anjian.items.taxonomy import load_taxonomy
from anjian.judges.kinds import CHOICE, REFUSAL
from anjian.names import Name
from anjian.scores.measures import Task, choice_measures, refusal_measures
from anjian.suites.base import BUNDLED, Published, Selection, Source, Suite, evaluated, own_items

NAME = "chisafety"
TAXONOMY = load_taxonomy(NAME)
NO_KEY = "{n} multiple-choice questions have no key and were not asked; give one with --answers FILE"
AMBIGUOUS = (
    "{n} multiple-choice questions without a plain answer in the bundled key were not asked; "
    "--include-ambiguous counts those that it flags"
)


def load(source: Source) -> Selection:
    """Reads the bundled bank, an official release or the user's own items; see `Suite.load`."""
    if source.data and source.items:
        raise UsageError("--data and --items exclude each other; choose one")
    if source.data:
        items, origin = read_official(source.data, NAME), f"official release in {source.data}"
        items = items if source.answers else apply_bundled_key(items, "chisafetybench_v1", source.include_ambiguous)
    elif source.items:
        items, origin = own_items(source.items, NAME, TAXONOMY), str(source.items)
    else:
        items, origin = load_bank(NAME), BUNDLED
    if source.answers:
        items = load_answers(source.answers, items)
    no_key = AMBIGUOUS if source.data and not source.answers else NO_KEY
    return _selected(items, origin, no_key)


def _selected(items: list[Item], origin: str, no_key: str) -> Selection:
    notes: list[str] = []
    kept = evaluated(items, notes)
    risky = [item for item in kept if not item.harmless]
    if origin != BUNDLED and len(risky) < len(kept):
        notes.append(f"{len(kept) - len(risky)} harmless items were left out: `--suite over_refusal` asks them")
    asked = [item for item in risky if not item.options or item.answer]
    if len(asked) < len(risky):
        notes.append(no_key.format(n=len(risky) - len(asked)))
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
    ),
    rounds_apart=True,
)
RISKY = Task(
    name="refusal",
    title=Name("风险问题", "risky questions"),
    kind=REFUSAL,
    measures=refusal_measures(),
    groups=("area", "category", "history"),
    rounds_apart=True,
)
SUITE = Suite(
    name=NAME,
    version="1.0",
    title=Name("中文层级安全基准", "CHiSafetyBench"),
    summary="CHiSafetyBench: risk identification and refusal, 5 areas, 31 categories",
    source="arXiv 2406.10311",
    load=load,
    tasks=(MCQ, RISKY),
    taxonomy=TAXONOMY,
    task_of=lambda item: MCQ.name if item.options else RISKY.name,
    place=1,
    shown=(RISKY.name, MCQ.name),
    data="the folder of the official release",
    compared=True,
    train=NAME,
    published=(
        Published("refusal", {"rr1": "rr1", "rr2": "rr2", "hr": "hr"}),
        Published("mcq", {"acc_o": "overall_recomputed"}),
    ),
)
