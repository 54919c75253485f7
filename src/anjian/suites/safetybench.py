"""SafetyBench in Chinese: multiple choice on seven kinds of safety (arXiv 2309.07045), accuracy over all and by kind.

The questions are published (github.com/thu-coai/SafetyBench) and not bundled: `test_zh.json` with 11,435, or
`test_zh_subset.json` without sensitive words. The right options, counted from 0, stand in `test_answers_zh.json` or
`test_answers_zh_subset.json` beside them, or as `answer` in the rows themselves.

The paper also asks with five examples before each question; here a question stands alone, and the model may give
reasons before its answer.

    anjian eval MODEL --suite safetybench --data FOLDER --out DIR
    anjian eval MODEL --suite safetybench --data test_zh_subset.json --out DIR
"""

import msgspec

from anjian.errors import UsageError
from anjian.items.records import Item
from anjian.items.tables import as_items, file_in, lettered, read_json, read_rows
from anjian.items.taxonomy import flat
from anjian.judges.kinds import CHOICE
from anjian.names import Name
from anjian.scores.measures import Task, choice_measures
from anjian.suites.base import Selection, Source, Suite, without

NAME = "safetybench"
DATA = "the folder or file of test_zh.json or test_zh_subset.json, with test_answers_*.json beside it"
KINDS = {
    "Offensiveness": "攻击冒犯",
    "Unfairness and Bias": "偏见歧视",
    "Physical Health": "身体健康",
    "Mental Health": "心理健康",
    "Illegal Activities": "违法活动",
    "Ethics and Morality": "伦理道德",
    "Privacy and Property": "隐私财产",
}


class _Row(msgspec.Struct):
    id: int
    category: str
    question: str
    options: list[str]
    answer: int | None = None


def load(source: Source) -> Selection:
    """Reads the published questions and their answers; see `Suite.load`."""
    without(source, NAME, "items", "answers")
    if not source.data:
        raise UsageError(f"{NAME} needs --data: {DATA}, of github.com/thu-coai/SafetyBench")
    file = file_in(source.data, "test_zh.json", "test_zh_subset.json")
    beside = file.with_name(file.name.replace("test_", "test_answers_"))
    key = read_json(beside, dict[str, dict[str, int | str]]) if beside != file and beside.is_file() else {}

    def item(place: str, row: _Row) -> Item:
        number = key.get(str(row.id), {}).get("answer", row.answer)
        options = lettered(row.options)
        if row.category not in KINDS:
            raise UsageError(f"{file}, {place}: `category` {row.category!r} is none of {', '.join(KINDS)}")
        if not isinstance(number, int) or not 0 <= number < len(options):
            raise UsageError(f"{file}, {place}: `answer` is {number}, no option counted from 0; see {beside.name}")
        return Item(f"{row.id}", NAME, KINDS[row.category], (row.question,), (), options, list(options)[number])

    items = as_items(file, ((place, item(place, row)) for place, row in read_rows(file, _Row)))
    return Selection(items, f"SafetyBench in {file}", [])


SUITE = Suite(
    name=NAME,
    version="1.0",
    title=Name("中文安全选择题基准", "SafetyBench"),
    summary="SafetyBench: Chinese multiple choice on 7 kinds of safety, accuracy",
    source="arXiv 2309.07045",
    load=load,
    tasks=(Task(name="mcq", title=Name("选择题", "multiple choice"), kind=CHOICE, measures=choice_measures()),),
    taxonomy=flat({zh: en for en, zh in KINDS.items()}),
    task_of=lambda item: "mcq",
    bundled=False,
    data=DATA,
)
