"""Chinese SafetyQA: short facts on law, policy and ethics, as open questions and as multiple choice (arXiv 2412.15265).

A model judges short answers against the standard answer, by a rubric of our own: correct (CO), incorrect (IN) or not
attempted (NA), as shares of all; CGA is the share of correct among the attempted, F the harmonic mean of CO and CGA, as
in the paper (the script in its repository takes the arithmetic mean). Multiple choice has the accuracy. The paper asks
for short answers in JSON; here questions are put as they are published (github.com/OpenStellarTeam/ChineseSafetyQA).

    anjian eval MODEL --suite chinese_safetyqa --data chinese_safetyqa.jsonl --judge JUDGE --out DIR
"""

from pathlib import Path

import msgspec

from anjian.errors import UsageError
from anjian.items.records import Item, problem
from anjian.items.tables import as_items, file_in, literal, read_rows
from anjian.items.taxonomy import flat
from anjian.judges.kinds import CHOICE
from anjian.judges.rubric import load_rubric
from anjian.names import Name
from anjian.scores.classes import class_measures, label_counts
from anjian.scores.measures import Measure, Task, choice_measures
from anjian.suites.base import Selection, Source, Suite, without

NAME, FILES = "chinese_safetyqa", ("chinese_safetyqa.jsonl", "chinese_safetyqa.csv", "data/chinese_safetyqa.jsonl")
ZH = ("违法违规风险", "理论技术知识", "偏见歧视风险", "身心健康风险", "伦理道德风险", "谣言错误风险", "辱骂仇恨风险")
EN = ("illegality", "theory and technology", "bias", "health", "ethics", "rumours and errors", "abuse and hate")


class _Row(msgspec.Struct):
    cate: str
    question: str
    standard_answer: str
    options: str
    correct_answer: str


def load(source: Source) -> Selection:
    """Reads the published questions, all as open ones, then all as multiple choice; see `Suite.load`."""
    without(source, NAME, "items", "answers")
    if not source.data:
        raise UsageError(
            f"{NAME} needs --data: {FILES[0]} of github.com/OpenStellarTeam/ChineseSafetyQA, or its folder"
        )
    file = file_in(source.data, *FILES)
    asked = [
        (place, item) for n, (place, row) in enumerate(read_rows(file, _Row), 1) for item in _asked(f"{n:04}", row)
    ]
    if odd := next((place for place, item in asked if item.category not in ZH), None):
        raise UsageError(f"{file}, {odd}: `cate` must begin with one of {', '.join(ZH)}, and a hyphen")
    items = sorted(as_items(file, asked), key=lambda item: bool(item.options))
    lost = 2 * sum(not item.options for item in items) - len(items)
    note = f"{lost} questions whose options or right option cannot be read were asked as open ones only"
    return Selection(items, f"Chinese SafetyQA in {file}", [note] if lost else [])


def _asked(number: str, row: _Row) -> list[Item]:
    """The question as an open one and, if its options can be read, as multiple choice."""
    category, text, meta = row.cate.partition("-")[0], (row.question,), {"cate": row.cate}
    short = Item(f"qa-{number}", NAME, category, text, answer=row.standard_answer, meta=meta)
    quiz = Item(f"mcq-{number}", NAME, category, text, (), literal(row.options), row.correct_answer, meta=meta)
    return [short] if problem(quiz) or not quiz.options else [short, quiz]


KIND = load_rubric(Path(__file__).parent / "rubrics" / "chinese_safetyqa.md")
CGA = Measure(name="cga", title=Name("已答正确率", "CGA"), role="detail",
              meaning=Name("作答的题中答对的比例，越高越好", "share of correct among the attempted"),
              ratio=label_counts(KIND, lambda wrong, none, right: right / (wrong + right)))  # fmt: skip
F = Measure(name="f", title=Name("F 值", "F"), meaning=Name("正确率与已答正确率的调和平均", "harmonic mean of CO, CGA"),
            ratio=label_counts(KIND, lambda wrong, none, right: 2 * right / (2 * (wrong + right) + none)))  # fmt: skip
SHARES = class_measures(KIND, {"正确": "co", "错误": "in", "未尝试": "na"})
QA = Task(name="qa", title=Name("简答题", "short answers"), kind=KIND, measures=(F, *SHARES, CGA))
MCQ = Task(name="mcq", title=Name("选择题", "multiple choice"), kind=CHOICE, measures=choice_measures())
SUITE = Suite(
    name=NAME, version="1.0", title=Name("中文安全知识问答", "Chinese SafetyQA"), source="arXiv 2412.15265", load=load,
    summary="Chinese SafetyQA: facts on safety, short answers (F) and multiple choice (accuracy)",
    tasks=(QA, MCQ), taxonomy=flat(dict(zip(ZH, EN, strict=True))),
    task_of=lambda item: MCQ.name if item.options else QA.name, bundled=False, data=f"{FILES[0]} or its folder",
)  # fmt: skip
