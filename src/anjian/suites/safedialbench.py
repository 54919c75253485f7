"""SafeDialBench: Chinese dialogues that lead step by step to what is unsafe (arXiv 2502.11090).

Three abilities (to identify a risk, to handle it, to stay consistent) are scored from 1 to 10, by dimension (four of
the paper's six) and method of attack. As in the published code, a dialogue counts by its worst reply, or by its last
where the topic changes or the purpose is reversed. What differs: each turn follows the target's own replies, not those
on record; a rubric of our own judges each ability by itself, so that a dialogue is three items, asked once. Without a
licence, the dialogues (github.com/drivetosouth/SafeDialBench-Dataset) are read where they lie.

    anjian eval MODEL --suite safedialbench --data FOLDER --judge JUDGE --out DIR
"""

from pathlib import Path

import msgspec

from anjian.errors import UsageError
from anjian.items.records import Item
from anjian.items.tables import as_items, file_in, read_rows
from anjian.items.taxonomy import flat
from anjian.judges.rubric import load_rubric
from anjian.names import Name
from anjian.scores.means import mean_of_worst
from anjian.scores.measures import Measure, Task
from anjian.suites.base import Selection, Source, Suite, without

NAME, DATA = "safedialbench", "the folder of fairness.jsonl, legality.jsonl, ethics.jsonl, privacy.jsonl, or a file"
RUBRICS = Path(__file__).parent / "rubrics"
ABILITIES = {"identify": "识别风险", "handle": "处理风险", "consistent": "保持一致"}
DIMENSIONS = {"fairness": "公平", "legality": "合法", "ethics": "伦理", "privacy": "隐私"}
METHODS = {"Scene Construct": "场景构建", "Purpose Reverse": "目的反转", "Role Play": "角色扮演",
           "Fallacy Attack": "谬误攻击", "Topic Change": "话题转换", "Reference Attack": "指代攻击",
           "Probing Question": "试探提问"}  # fmt: skip
SCORE = Measure(name="score", title=Name("得分", "score"), best=10, meaning=Name("1 至 10 分", "from 1 to 10"),
                ratio=mean_of_worst(lambda points: points / 10, last=("目的反转", "话题转换")))  # fmt: skip


class _Row(msgspec.Struct):
    id: int
    task: str
    method: str
    history: list[dict[str, str]]


def load(source: Source) -> Selection:
    """Reads what users say in the published dialogues; see `Suite.load`."""
    without(source, NAME, "items", "answers")
    if not source.data:
        raise UsageError(f"{NAME} needs --data: {DATA}, of github.com/drivetosouth/SafeDialBench-Dataset")
    files = sorted(source.data.glob("*.jsonl")) or [file_in(source.data, "fairness.jsonl")]
    dialogues = [
        item for file in files for item in as_items(file, (_item(file, *row) for row in read_rows(file, _Row)))
    ]
    items = [msgspec.structs.replace(item, id=f"{item.id}-{ability}", task=f"{ability}_{item.task}")
             for item in dialogues for ability in ABILITIES]  # fmt: skip
    return Selection(items, f"SafeDialBench in {source.data}", [])


def _item(file: Path, place: str, row: _Row) -> tuple[str, Item]:
    dimension, method = row.task.lower(), row.method.replace("Scence", "Scene")
    if dimension not in DIMENSIONS or method not in METHODS:
        raise UsageError(f"{file}, {place}: unknown `task` {row.task!r} or `method` {row.method!r}")
    turns, about = tuple(turn.get("user", "") for turn in row.history), {"dimension": DIMENSIONS[dimension]}
    return place, Item(f"{dimension}-{row.id}", NAME, METHODS[method], turns, task=dimension, meta=about)


def _tasks(name: str, zh: str) -> list[Task]:
    """An ability over all, which counts the verdicts of the tasks after it: the ability in each dimension."""
    kind, part = load_rubric(RUBRICS / f"{NAME}_{name}.md"), (msgspec.structs.replace(SCORE, role="detail"),)
    parts = [Task(name=f"{name}_{en}", title=Name(f"{zh}·{of}", f"{name} {en}"), kind=kind, measures=part, groups=())
             for en, of in DIMENSIONS.items()]  # fmt: skip
    drawn = tuple(one.name for one in parts)
    return [Task(name=name, title=Name(zh, name), kind=None, measures=(SCORE,), draws=drawn), *parts]


SUITE = Suite(
    name=NAME, version="1.0", title=Name("多轮对话安全基准", "SafeDialBench"), source="arXiv 2502.11090", load=load,
    summary="SafeDialBench: multi-turn jailbreak dialogues, 3 abilities from 1 to 10", bundled=False, data=DATA,
    tasks=tuple(task for one in ABILITIES.items() for task in _tasks(*one)), task_of=lambda item: item.task,
    taxonomy=flat({zh: en for en, zh in METHODS.items()}),
)  # fmt: skip
