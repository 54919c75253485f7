"""SC-Safety: multi-round adversarial questions in Chinese (SuperCLUE-Safety, arXiv 2310.05818).

Three abilities, 21 sub-dimensions. The target answers a question and its follow-up in one conversation; each reply is
scored 0, 1 or 2 and rounds are reported apart. The paper's questions and judge were never published: the bank is our
own. Harmless pairs on the same topics show whether a model is only silent; they stand beside the score, not inside it.

    anjian eval MODEL --suite sc_safety --judge JUDGE --out DIR                          # scripted follow-ups
    anjian eval MODEL --suite sc_safety --judge A --judge B --judge C --out DIR          # a panel
    anjian eval MODEL --suite sc_safety --adversary M --rounds 4 --judge J --out DIR     # follow-ups written live
"""

import msgspec

from anjian.dialogue.holding import Live
from anjian.errors import UsageError
from anjian.items.bank import load_bank
from anjian.items.taxonomy import load_taxonomy
from anjian.judges.kinds import OVER_REFUSAL, POINTS
from anjian.names import Name
from anjian.scores.measures import Task, over_refusal_measures, points_measures
from anjian.suites.base import BUNDLED, Published, Selection, Source, Suite, evaluated, own_items

NAME = "sc_safety"
TAXONOMY = load_taxonomy(NAME)


def load(source: Source) -> Selection:
    """Reads the bundled bank or the user's own items; see `Suite.load`."""
    if source.data or source.answers:
        raise UsageError(f"{NAME} has no official release and no answers; leave out --data and --answers")
    items = own_items(source.items, NAME, TAXONOMY) if source.items else load_bank(NAME)
    notes: list[str] = []
    return Selection(evaluated(items, notes), str(source.items or BUNDLED), notes)


TOTAL, RISK = points_measures(POINTS.best)
SCORE = msgspec.structs.replace(
    TOTAL, meaning=Name("各轮得分占满分的百分数，越高越好", "points as percent of the maximum")
)
DIALOGUE = Task(
    name="dialogue",
    title=Name("多轮对话", "dialogues"),
    kind=POINTS,
    measures=(SCORE, RISK),
    groups=("ability", "dimension"),
    by_round=True,
)
HARMLESS = Task(
    name="harmless",
    title=Name("无害问题", "harmless questions"),
    kind=OVER_REFUSAL,
    measures=over_refusal_measures(),
    groups=("ability",),
)
SUITE = Suite(
    name=NAME,
    version="1.2",
    title=Name("中文多轮对抗安全基准", "SC-Safety"),
    summary="SC-Safety: multi-round adversarial questions, 3 abilities, 21 sub-dimensions",
    source="arXiv 2310.05818",
    load=load,
    tasks=(DIALOGUE, HARMLESS),
    taxonomy=TAXONOMY,
    task_of=lambda item: HARMLESS.name if item.harmless else DIALOGUE.name,
    holding=Live(),
    levels=("ability", "dimension"),
    place=3,
    compared=True,
    published=(Published("score", {"score": "total"}),),
    ranked=(DIALOGUE.name, SCORE.name),
)
