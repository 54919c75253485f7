"""What things are called in front of people, Chinese first."""

import re
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

import msgspec

from anjian.items.taxonomy import Taxonomy, load_taxonomy
from anjian.judges.kinds import FULL_ANSWER, FULL_REFUSAL, PARTIAL_REFUSAL
from anjian.judges.labels import GUIDANCE, HARMLESS, REFUSAL, RISKY
from anjian.scores.rows import Row


class Name(NamedTuple):
    """A name in Chinese and English; either may be empty."""

    zh: str
    en: str

    def __str__(self) -> str:
        """Both, Chinese first."""
        return " ".join(part for part in self if part)


METRICS = {
    "rr1": Name("拒答率", "RR-1"),
    "rr2": Name("责任率", "RR-2"),
    "hr": Name("有害率", "HR"),
    "acc_o": Name("总体准确率", "ACC-O"),
    "acc_i": Name("领域准确率", "ACC-i"),
    "acc": Name("准确率", "ACC"),
    "score": Name("得分", "score"),
    "round_delta": Name("末轮减首轮", "Δ rounds"),
    "over_refusal": Name("过度拒答率", "over-refusal"),
    "full_refusal": Name("完全拒答率", "full refusal"),
    "partial_refusal": Name("部分拒答率", "partial refusal"),
    "full_answer": Name("完整回答率", "full answer"),
    "asr": Name("攻击成功率", "ASR"),
    "pass@1": Name("一次答对率", "pass@1"),
    "first_success": Name("成功时的轮次", "round of success"),
    "krippendorff_alpha": Name("裁判一致性", "Krippendorff's α"),
}
PLAIN = ("score", "round_delta", "first_success", "krippendorff_alpha")
"""Metrics that are no fractions: shown as they are, not as percent."""
MEANINGS = {
    "rr1": Name("拒绝回答的比例，越高越好", "share of refusals"),
    "rr2": Name("拒绝且负责任引导的比例，越高越好", "share of refusals with guidance"),
    "hr": Name("给出风险回复的比例，越低越好", "share of risky replies; lower is better"),
    "acc_o": Name("选择题答对的比例，越高越好", "share of right choices"),
    "score": Name("各轮得分占满分的百分数，越高越好", "points as percent of the maximum"),
    "over_refusal": Name("无害问题未被完整回答的比例，越低越好", "share not answered in full; lower is better"),
    "full_refusal": Name("无害问题被完全拒绝的比例，越低越好", "share refused outright; lower is better"),
    "partial_refusal": Name(
        "无害问题边拒绝边作答或只答一部分的比例，越低越好", "share answered in part; lower is better"
    ),
    "full_answer": Name("无害问题得到完整回答的比例，越高越好", "share answered in full"),
    "pass@1": Name("各题各次作答中答对的比例，越高越好", "mean share of right answers over samples and problems"),
    "asr": Name("攻击得手的比例，越低越好", "share of attacks that succeeded; lower is better"),
}
LABELS = {
    GUIDANCE: Name("拒绝并负责任引导", "refusal with guidance"),
    REFUSAL: Name("直接拒绝", "direct refusal"),
    HARMLESS: Name("不拒绝且给出无害回复", "harmless reply"),
    RISKY: Name("不拒绝且给出风险回复", "risky reply"),
    "2": Name("2 分：安全且有益", "2: safe and helpful"),
    "1": Name("1 分：安全但不够好", "1: safe, no more"),
    "0": Name("0 分：带有风险", "0: carries a risk"),
    FULL_ANSWER: Name("完整回答", "full answer"),
    PARTIAL_REFUSAL: Name("部分拒绝", "partial refusal"),
    FULL_REFUSAL: Name("完全拒绝", "full refusal"),
}
"""The labels of every kind of judging, the best first."""
KINDS = {
    "overall": Name("总体", "overall"),
    "area": Name("领域", "area"),
    "ability": Name("能力", "ability"),
    "category": Name("类别", "category"),
    "dimension": Name("维度", "dimension"),
    "history": Name("对话历史", "history"),
    "round": Name("轮次", "round"),
}
GROUPS = {
    "overall": Name("总体", "overall"),
    "without_history": Name("无历史", "without history"),
    "with_history": Name("有历史", "with history"),
}
TASKS = {
    "refusal": Name("风险问题", "risky questions"),
    "mcq": Name("选择题", "multiple choice"),
    "dialogue": Name("多轮对话", "dialogues"),
    "harmless": Name("无害问题", "harmless questions"),
    "over_refusal": Name("无害问题", "harmless questions"),
    "attack": Name("攻击", "attacks"),
    "reasoning": Name("推理题", "reasoning problems"),
}
SUITES = {
    "chisafety": Name("中文层级安全基准", "CHiSafetyBench"),
    "sc_safety": Name("中文多轮对抗安全基准", "SC-Safety"),
    "over_refusal": Name("过度拒答", "over-refusal"),
    "crescendo": Name("渐进式多轮攻击", "Crescendo"),
    "reasoning": Name("推理能力", "reasoning"),
}
TAXONOMIES = {"crescendo": "chisafety", "over_refusal": "chisafety"}
"""Suites that use the taxonomy of another."""
THINKING = "thinking_"
SHAPES = {
    "both_tags": Name("完整思考", "both tags"),
    "closing_only": Name("仅有结束标签", "closing tag only"),
    "opening_only": Name("思考被截断", "cut off while thinking"),
    "none": Name("没有思考", "no thinking"),
    "empty": Name("思考为空", "empty thinking"),
}
REASONS = {
    "timeout": Name("超时", "timed out"),
    "connection": Name("连接失败", "no connection"),
    "http_error": Name("服务器报错", "HTTP error"),
    "bad_reply": Name("回复无法解读", "unreadable reply"),
    "content_filter": Name("被服务方的内容过滤拦下", "stopped by the provider's filter"),
    "rate_limit": Name("被限流", "rate limit"),
    "too_long": Name("超出上下文长度", "longer than the context"),
    "not_asked": Name("尚未提问", "not asked"),
    "no_answer": Name("没有给出答案", "no answer"),
    "no_option": Name("没有选出选项", "no option chosen"),
    "several_options": Name("选了多个选项", "several options chosen"),
    "judge_unparsed": Name("裁判的回复不合格式", "judge's reply unreadable"),
    "no_reference": Name("题目没有参考答案", "no reference answer"),
    "judge_tie": Name("裁判票数相同", "judges tied"),
    "no_quorum": Name("过半数裁判没有判定", "too few judges gave a verdict"),
    "adversary_no_answer": Name("攻击方没有写出下一问", "the adversary wrote nothing"),
    "earlier_turn_failed": Name("前一轮没有答案", "earlier turn failed"),
}


_ACTORS = {"judge": "裁判", "adversary": "攻击方"}
_ROUND = re.compile(r"round(\d+)")


def named(names: dict[str, Name], key: str) -> Name:
    """Looks a name up; what is not known is called by its key."""
    return names.get(key) or Name("", key)


def reason(key: str) -> Name:
    """Names why something is unscored; `judge_timeout` is the judge's timeout."""
    who, _, what = key.partition("_")
    if key in REASONS or what not in REASONS or who not in _ACTORS:
        return named(REASONS, key)
    return Name(_ACTORS[who] + REASONS[what].zh, f"{who}: {REASONS[what].en}")


@cache
def taxonomy_of(suite: str) -> Taxonomy | None:
    """The taxonomy of a suite, or None if it has none."""
    try:
        return load_taxonomy(TAXONOMIES.get(suite, suite))
    except FileNotFoundError:
        return None


@cache
def places(suite: str) -> dict[str, tuple[str, Name, str]]:
    """Code, name and area of every area and category of a suite, by Chinese name."""
    taxonomy = taxonomy_of(suite)
    areas = taxonomy.areas if taxonomy else ()
    found = {area.zh: (area.code, Name(area.zh, area.en), area.zh) for area in areas}
    return found | {c.zh: (c.code, Name(c.zh, c.en), area.zh) for area in areas for c in area.categories}


def metric_name(metric: str) -> Name:
    """Names a metric; `score/round2` is called by its round."""
    name, _, group = metric.partition("/")
    return group_name("", group) if group else named(METRICS, name)


def is_plain(metric: str) -> bool:
    """True if a metric is no fraction; see `PLAIN`."""
    return metric.partition("/")[0] in PLAIN


def group_name(suite: str, group: str) -> Name:
    """Names a group of any kind, such as an area, `with_history` or `round2`."""
    if found := _ROUND.fullmatch(group):
        return Name(f"第 {found[1]} 轮", f"round {found[1]}")
    return places(suite)[group][1] if group in places(suite) else named(GROUPS, group)


def factors(rows: Iterable[Row]) -> dict[str, float]:
    """What to multiply each metric by: 100 for fractions, to show percent; 1 for scores and other plain numbers."""
    largest: dict[str, float] = {}
    for row in rows:
        largest[row.metric] = max(largest.get(row.metric, 0.0), abs(row.value or 0.0))
    return {
        metric: 1.0 if is_plain(metric) or (metric not in METRICS and value > 1) else 100.0
        for metric, value in largest.items()
    }


def in_order(rows: Iterable[Row]) -> list[Row]:
    """Puts rows in the order people read them: multiple choice last, without history before with; else as given.

    A group within a group becomes a metric of the outer one: `score` of `指令攻击/round2` is its `score/round2`.
    """
    order = {group: place for place, group in enumerate(GROUPS)}
    unfolded = []
    for row in rows:
        group, _, within = row.group.partition("/")
        if _ROUND.fullmatch(within):
            row = msgspec.structs.replace(row, group=group, metric=f"{row.metric}/{within}")
        unfolded.append(row)
    return sorted(unfolded, key=lambda row: (row.task == "mcq", order.get(row.group, 0)))
