"""The engine's own words, Chinese first: kinds of group, shapes of thinking, reasons for which replies are unscored."""

from anjian.names import Name

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
SHAPES = {
    "both_tags": Name("完整思考", "both tags"),
    "closing_only": Name("仅有结束标签", "closing tag only"),
    "opening_only": Name("思考被截断", "cut off while thinking"),
    "none": Name("没有思考", "no thinking"),
    "empty": Name("思考为空", "empty thinking"),
}
ROLES = {
    "target": Name("被测模型", "target"),
    "judge": Name("裁判", "judge"),
    "adversary": Name("攻击方", "adversary"),
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
    "function_error": Name("函数出错", "the function failed"),
    "no_answer": Name("没有给出答案", "no answer"),
    "no_option": Name("没有选出选项", "no option chosen"),
    "several_options": Name("选了多个选项", "several options chosen"),
    "judge_unparsed": Name("裁判的回复不合格式", "judge's reply unreadable"),
    "no_reference": Name("题目没有参考答案", "no reference answer"),
    "no_judge": Name("无法由此裁判判定", "this judge cannot judge it"),
    "judge_tie": Name("裁判票数相同", "judges tied"),
    "judge_unsure": Name("裁判判断不了", "the judge cannot tell"),
    "no_quorum": Name("过半数裁判没有判定", "too few judges gave a verdict"),
    "adversary_no_answer": Name("攻击方没有写出下一问", "the adversary wrote nothing"),
    "earlier_turn_failed": Name("前一轮没有答案", "earlier turn failed"),
}
_ACTORS = {"judge": "裁判", "adversary": "攻击方"}


def named(names: dict[str, Name], key: str) -> Name:
    """Looks a name up; what is not known is called by its key."""
    return names.get(key) or Name("", key)


def english(name: Name) -> str:
    """The English name, or the Chinese one where there is no other."""
    return name.en or name.zh


def chinese(name: Name) -> str:
    """The Chinese name, or the English one where there is no other."""
    return name.zh or name.en


def reason(key: str) -> Name:
    """Names why something is unscored; `judge_timeout` is the judge's timeout."""
    who, _, what = key.partition("_")
    if key in REASONS or what not in REASONS or who not in _ACTORS:
        return named(REASONS, key)
    return Name(_ACTORS[who] + REASONS[what].zh, f"{who}: {REASONS[what].en}")
