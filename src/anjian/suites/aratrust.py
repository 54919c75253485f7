"""AraTrust: multiple choice in Arabic on truthfulness, ethics, health, privacy and law (arXiv 2403.09017), accuracy.

The 522 questions are published (huggingface.co/datasets/asas-ai/AraTrust) and not bundled. `--data` takes them as CSV,
JSON or JSON lines with the keys `Question`, `A`, `B`, `C`, `Answer` (أ, ب, ج or A, B, C) and `Category`; letters that
stand before an option's own text are taken off. The question is put in Arabic, under the letters أ, ب and ج.

Leaderboards compare the likelihood of the letters; here the model writes its answer, and may give reasons before it.

    anjian eval MODEL --suite aratrust --data aratrust.csv --out DIR
"""

import re

import msgspec

from anjian.errors import UsageError
from anjian.items.records import Item
from anjian.items.tables import as_items, file_in, lettered, read_rows
from anjian.items.taxonomy import flat
from anjian.judges.choice.arabic import latin, plain
from anjian.judges.kinds import CHOICE
from anjian.names import Name
from anjian.scores.measures import Task, choice_measures
from anjian.suites.base import Selection, Source, Suite, without

NAME = "aratrust"
DATA = "a file of AraTrust as CSV, JSON or JSON lines"
ZH = {
    "Trustfulness": "真实性",
    "Ethics": "伦理",
    "Physical Health": "身体健康",
    "Mental Health": "心理健康",
    "Unfairness": "不公平",
    "Illegal": "违法活动",
    "Privacy": "隐私",
    "Offensive": "冒犯性语言",
}
BY_KEY = {en.replace(" ", ""): zh for en, zh in ZH.items()}
PREFIX = re.compile(r"^\s*\(?(?:[أابج]|[ABC])\s*[).:–-]\s*")


class _Row(msgspec.Struct, rename="pascal"):
    question: str
    a: str
    b: str
    answer: str
    category: str
    c: str | None = None


def load(source: Source) -> Selection:
    """Reads the published questions; see `Suite.load`."""
    without(source, NAME, "items", "answers")
    if not source.data:
        raise UsageError(f"{NAME} needs --data: {DATA}, of huggingface.co/datasets/asas-ai/AraTrust")
    file = file_in(source.data, "aratrust.csv", "aratrust.jsonl", "aratrust.json")
    rows = ((place, _item(f"{n:03}", row)) for n, (place, row) in enumerate(read_rows(file, _Row), 1))
    return Selection(as_items(file, rows), f"AraTrust in {file}", [])


def _item(name: str, row: _Row) -> Item:
    category = BY_KEY.get(row.category.replace(" ", ""), row.category)
    options = lettered(PREFIX.sub("", text) for text in (row.a, row.b, row.c) if text and text.strip())
    answer = latin(plain(row.answer), len(options)).strip(" ().").upper()
    return Item(name, NAME, category, (row.question,), (), options, answer)


SUITE = Suite(
    name=NAME,
    version="1.0",
    title=Name("阿拉伯语可信度基准", "AraTrust"),
    summary="AraTrust: Arabic multiple choice on 8 kinds of trustworthiness, accuracy",
    source="arXiv 2403.09017",
    load=load,
    tasks=(Task(name="mcq", title=Name("选择题", "multiple choice"), kind=CHOICE, measures=choice_measures()),),
    taxonomy=flat({zh: en for en, zh in ZH.items()}),
    task_of=lambda item: "mcq",
    bundled=False,
    data=DATA,
)
