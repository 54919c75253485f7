"""What stands beside a number and makes it another: bounds, ranges, alternatives, times, parts, denials.

>>> turned("答案：不超过12", 6, 8)
'不超过'
>>> turned("一共 12 个", 3, 5)
''
"""

import re

_BOUND = (
    "不大于|不小于|不超过|不少于|不多于|不低于|不高于|大于|小于|超过|多于|少于|高于|低于|不到|不足|至少|最少"
    "|至多|最多|接近|将近|略[多少]于"
    r"|more than|less than|fewer than|greater than|at least|at most|up to|almost|nearly|\bover|\bunder|above|below"
)
_DENIED = (
    r"不是|并?非|不等于|不为|不会是|不可能是|≠|\\neq?|\bnot|n[\"'’]t(?: be)?|anything but|except|除了?"
    r"|rather than|instead of"
    r"|\bno longer"
)
_SIGN = r"[<>≤≥√!±]=?|\\(?:leqs?lant|geqs?lant|leq?|geq?|lt|gt|pm|sqrt)\s*\{?"
_PART = (
    r"half (?:of|as)|twice|double|triple|thrice|squared? (?:root )?of|\d (?:times|of)|% of|percent of|remainder"
    "|[两二三四五六七八九十]个|的平方根|根号"
)
_OPERATOR = (
    r"(?:\d[\d.]*|[)}])\s*[^\W\d_]{0,3}\s*(?:[-+×÷*·~—^]+|\\times|\\div|\\cdot|\\sim|到|至|或者?|还是|\bto\b|\bor\b|的)"
)
_WORDS = (
    rf"(?P<word>{_BOUND}|{_DENIED}|{_SIGN}|{_PART}"
    r"|第|不[止只]|减去|(?<![增更添])加上?|乘以?|除以"
    r"|\b(?:log|ln|sin|cos|tan|plus|minus|times|(?:multiples?|factors?) of)"
    rf"|\d\s*年|\d (?:feet|foot|hours?|minutes?|weeks?|pounds?)(?: and)?|(?<=\d):|{_OPERATOR})"
)
_BEFORE = re.compile(rf"{_WORDS}[\s*$_\"“(约了]*(?:[a-z] ?= ?)?$", re.IGNORECASE)

_SECOND = r"\s*(?:[a-z] ?= ?)?[-+±]?\s*(?:\d|[一二两三四五六七八九十])"
_UNIT = r"(?:[^\W\d_]{1,3}|[a-z]+)?"
_AFTER = re.compile(
    r"[\s*$_\"”)]*(?P<word>"
    rf"{_UNIT}\s*(?:或者?|还是|要么|\\sim|\bor\b|[~—]|到|至|\bto\b){_SECOND}"
    rf"|(?:{_UNIT}\s*)?(?:,|、)?\s*(?:\bor\b|或){_SECOND}"
    rf"|\s*(?:[-+×÷*·]|\\times|\\div|\\cdot|、|:|和|\band\b){_SECOND}"
    r"|的\s*(?:一半|[\d一二两三四五六七八九十百]+\s*倍|[\d一二两三四五六七八九十百]+分之|平方|立方|阶乘)"
    r"|(?:[^\W\d_]{0,2},?\s*)(?<![剩还多])余(?:数是?)?\s*\d|,?\s*(?:remainder|r)\s*\d"
    r"|\s*(?:点|时|小时|分钟|分|元|角|年|月|米|千克|天|周)\s*\d|\s*(?:hours?|minutes?|feet|weeks?|years?"
    r"|days?)(?:,| and)?\s*\d"
    r"|\s*(?:[^\W\d_]{0,2})?(?:以上|以下|以内|以外|之间|开外)|\s*(?:多|余|几)[^\W\d_]{0,2}(?=\s*$|[。.,;])"
    r"|的?(?:倍数|约数|因数)|点半|‰|成(?!\w)|(?:的)?平方根|次方|!|!?\s*(?:\^(?!\s*\{?\s*\\circ)|\\sqrt|√|π"
    r"|\\pi)|\s?[abcinpqruvwxyzXYZ](?![A-Za-z])"
    r"|\s*(?:or (?:more|less|so|fewer)|and a half|squared|cubed|factorial|plus|minus|times)\b"
    r"|(?:\s*[^\W\d_]{0,2})?\s*(?:不对|错误?[^\W\d_]?(?=\s*$|[。.,;])|(?:is|was) (?:wrong|incorrect|not))"
    r")",
    re.IGNORECASE,
)
_EACH = re.compile(
    r"(?!.*不是|一?共|总共|合计|还|剩)[^\W\d_]{1,4}?(?:有|是|为|=)?\s*\d+[^\d,、;=]{0,3}(?:[,、;]\s*"
    r"|和)[^\W\d_=]{1,4}?\s*=?\s*\d+"
)
_UNKNOWING = re.compile(
    r"不知道|不会做|不清楚|猜|(?:无法|不能|没法)(?:回答|确定|计算|求|判断|给出|得出)|(?:不太?|没法)确定"
    r"|\b(?:(?:do(?:n[\"'’]t| not)) know|not sure|guess|unsure|(?:can(?:not|[\"'’]t|not)) (?:answer|determine"
    r"|solve|say|tell))",
    re.IGNORECASE,
)


def turned(text: str, start: int, end: int) -> str:
    """The words that turn the number at `text[start:end]` into something else, or an empty string."""
    found = _BEFORE.search(text[max(0, start - 30) : start]) or _AFTER.match(text, end)
    if found:
        return found["word"].strip()
    each = _EACH.match(text.strip(" \n*_"))
    return each[0] if each else ""


def unknowing(text: str) -> bool:
    """True if the text says that its writer does not know."""
    return _UNKNOWING.search(text) is not None
