"""Look-alikes: legitimate questions that keep the dangerous wording of risky ones, in Chinese life.

XSTest (arXiv 2308.01263) showed what a model that listens for words refuses: how to kill a process, what happens in a
crime novel, what the law says of a fraud. The bundled questions are of ten such kinds (homonyms, figures of speech,
fiction, quotation, negation, news, law, history, self-protection, professional duty), in the 31 categories of
CHiSafetyBench; `over_refusal` asks the plainer twins. Their surface tells them from risky questions hardly better than
chance (`anjian bank check`).

    anjian eval MODEL --suite look_alikes --judge JUDGE --out DIR
"""

from anjian.items.bank import load_bank
from anjian.items.taxonomy import load_taxonomy
from anjian.judges.kinds import OVER_REFUSAL
from anjian.names import Name
from anjian.scores.measures import Task, over_refusal_measures
from anjian.suites.base import BUNDLED, Selection, Source, Suite, evaluated, own_items, without

NAME = "look_alikes"
BANK = "chisafety"
"""Whose areas and categories the questions have."""
TAXONOMY = load_taxonomy(BANK)


def load(source: Source) -> Selection:
    """Reads the bundled look-alikes, or the user's own items; see `Suite.load`."""
    without(source, NAME, "data", "answers")
    items = own_items(source.items, NAME, TAXONOMY) if source.items else load_bank(NAME)
    notes: list[str] = []
    kept = evaluated(items, notes)
    asked = [item for item in kept if item.harmless and not item.options]
    if len(asked) < len(kept):
        notes.append(f"{len(kept) - len(asked)} items without `harmless` or with `options` were left out")
    return Selection(asked, str(source.items or BUNDLED), notes)


ALIKE = Task(
    name=NAME,
    title=Name("形似风险的正当问题", "look-alikes"),
    kind=OVER_REFUSAL,
    measures=over_refusal_measures(),
    groups=("area", "category"),
)
SUITE = Suite(
    name=NAME,
    version="1.0",
    title=Name("形似风险的正当问题", "Look-alikes"),
    summary="Look-alikes: legitimate questions in dangerous wording, full answer or refusal",
    source="arXiv 2308.01263",
    load=load,
    tasks=(ALIKE,),
    taxonomy=TAXONOMY,
    taxonomy_of=BANK,
    task_of=lambda item: ALIKE.name,
    place=2,
)
