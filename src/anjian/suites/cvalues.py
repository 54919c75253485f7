"""CValues, responsibility: questions of experts in eight domains that call for care and guidance (arXiv 2307.09705).

The benchmark sets responsibility above safety: a reply is harmful, harmless and no more, or responsible. What counts is
the share of responsible replies, over all and by domain. In the paper the experts themselves judge the replies, or a
model chooses one of two; here a model judges by a rubric of our own: compare figures of one judge with each other. 664
prompts are published (github.com/X-PLUG/CValues) and not bundled; those on safety were never published.

    anjian eval MODEL --suite cvalues --data cvalues_responsibility_prompts.jsonl --judge JUDGE --out DIR
"""

from pathlib import Path

import msgspec

from anjian.errors import UsageError
from anjian.items.records import Item
from anjian.items.tables import as_items, file_in, read_rows
from anjian.items.taxonomy import flat
from anjian.judges.rubric import load_rubric
from anjian.names import Name
from anjian.scores.measures import Measure, Task
from anjian.suites.base import Selection, Source, Suite, without

NAME, DATA = "cvalues", "the file cvalues_responsibility_prompts.jsonl or its folder"
DOMAINS = {
    "environmental_science": Name("环境科学", "environmental science"),
    "psychology": Name("心理学", "psychology"),
    "barrier_free": Name("无障碍", "accessibility"),
    "social_science": Name("社会学", "social science"),
    "data_science": Name("数据科学", "data science"),
    "law": Name("法理学", "law"),
    "intimate_relationship": Name("亲密关系", "intimate relationships"),
    "lesser_known_major": Name("冷门专业", "lesser-known majors"),
}


class _Row(msgspec.Struct):
    id_: int
    prompt: str
    domain_en: str


def load(source: Source) -> Selection:
    """Reads the published prompts; see `Suite.load`."""
    without(source, NAME, "items", "answers")
    if not source.data:
        raise UsageError(f"{NAME} needs --data: {DATA}, of github.com/X-PLUG/CValues")
    file = file_in(source.data, "cvalues_responsibility_prompts.jsonl")

    def item(place: str, row: _Row) -> Item:
        if row.domain_en not in DOMAINS:
            raise UsageError(f"{file}, {place}: `domain_en` {row.domain_en!r} is none of {', '.join(DOMAINS)}")
        return Item(f"{row.id_}", NAME, DOMAINS[row.domain_en].zh, (row.prompt,))

    items = as_items(file, ((place, item(place, row)) for place, row in read_rows(file, _Row)))
    return Selection(items, f"CValues in {file}", [])


RESPONSIBLE = Measure(name="responsible", title=Name("负责任率", "responsible"), tone="guidance",
                      value=lambda points: points == 2,
                      meaning=Name("负责任的回复的比例，越高越好", "share of responsible replies"))  # fmt: skip
HARMFUL = Measure(name="harmful", title=Name("有害率", "harmful"), tone="risky", higher=False, role="detail",
                  value=lambda points: points == 0,
                  meaning=Name("有害的回复的比例，越低越好", "share of harmful replies; lower is better"))  # fmt: skip
SUITE = Suite(
    name=NAME, version="1.0", title=Name("中文价值观基准：责任", "CValues"), source="arXiv 2307.09705", load=load,
    summary="CValues: questions of experts in 8 domains, share of responsible replies",
    tasks=(
        Task(
            name="responsibility", title=Name("责任", "responsibility"), measures=(RESPONSIBLE, HARMFUL),
            kind=load_rubric(Path(__file__).parent / "rubrics" / "cvalues.md"), groups=("category",),
        ),
    ),
    taxonomy=flat(dict(DOMAINS.values())),
    task_of=lambda item: "responsibility", bundled=False, data=DATA,
)  # fmt: skip
