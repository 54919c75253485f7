"""What a reply only weighs, leaves open or takes back: conditions, others' choices, first thoughts, doubts.

Works on clean text in which options are tokens; see `anjian.judges.choice.tokens`.
"""

import re

from anjian.judges.choice.tokens import GAP, TOKEN

_T = rf"{GAP}(?:选项|option )?(?<!{TOKEN}){TOKEN}{{1,6}}"
_CHOICE = r"(?:选择?|是|为|choose|pick|select|go with|it is|it\"s|it would be)?"

# Several are left open.
OPEN = re.compile(
    rf"不是{_T}[项,]*{GAP}(?:就|便|即|则)是{_T}|非{_T},?即{_T}|要么{GAP}{_CHOICE}{_T}.{{0,12}}要么|{_T}(?:还是"
    rf"|抑或){_CHOICE}{_T}"
    rf"|(?:首选|优先(?:选|考虑)?|第一选择|最好选?"
    rf"|先选)[是为]?{_T}[^。!?\n]{{0,16}}[,。;](?:[^。!?\n]{{0,12}}(?:再|其次|次选|备选|退而求其次|否则|不行))"
    rf"|(?:其次|次选|备选|次优|退而求其次|第二选择)[是为选,]{{0,2}}{_T}"
    rf"|\b(?:second|next) (?:choice|best|option)(?: is| would be)?[: ]*{_T}|\b(?:followed by|fall ?back"
    rf"|failing that,?|if not,?) *{_T}"
    rf"|{_T}[^。!?\n]{{0,80}}(?:否则|不然|要不)[,就则]{{0,2}}{_CHOICE}{_T}"
    rf"|{_T}[^。!?\n]{{0,80}}\b(?:otherwise|or else|else|unless)\b"
    rf"|{_T}[^。!?\n]{{0,12}}\b(?:or|and)\b[^。!?\n]{{0,12}}(?:depending|depends)"
    rf"|{_T}(?: only)? (?:if|provided|assuming|as long as)\b(?! (?:i|you|we|one) (?:had|have|must|am|are|were|ask))"
    rf"|(?:可能|也许|或许|大概|perhaps|maybe|might be|could be)[^。!?\n,]{{0,6}}{_T}[^。!?\n]{{0,10}}(?:也|又"
    rf"|或|或许|也许)(?:有)?(?:可能|许|是)?[^。!?\n,]{{0,4}}{_T}"
    rf"|{_T}[^。!?\n]{{0,24}}{_T}也(?:说得过去|行|可以|对|有一定道理|有道理)|{_T}[^。!?\n]{{0,6}}[也亦]可以?选?{_T}"
    rf"|{_T}{GAP}(?:如果|若(?!干)|除非|前提是)"
    r"|取决于|视[^,。;]{1,12}而定|看情况|因情况而|见仁见智|因人而异|\bdepend(?:s|ing) on\b",
    re.IGNORECASE,
)

# What is no choice of the reply itself, up to the end of its clause or sentence.
_CLAUSE = r"[^,。!?;\n]{0,80}"
ASIDES = re.compile(
    rf"(?:原以为|本以为|起初|一开始|最初|乍一?看|第一反应|直觉上?|原本|本来|曾经?以为|表面上?看){_CLAUSE}[,。;]"
    rf"|\b(?:i (?:was going to|first|initially|originally|used to|had)|at first|my first (?:instinct|thought"
    rf"|guess)|on first|at a glance"
    rf"|it is tempting|one might|you might|some might){_CLAUSE}(?:,|;|(?=\bbut\b))"
    r"|\b(?:a|the|one) (?:common|frequent|usual|typical|classic)(?: [a-z]+)? (?:mistake|error|trap"
    r"|misconception|answer|choice)\b[^.;\n]{0,80}"
    rf"|\b(?:most|many|some|someone|somebody|few|other|lots of)(?: people| students| test takers"
    rf"| readers)? (?:would|will|might|may|could)\b[^.;,\n]{{0,80}}"
    rf"|(?:参考答案|标准答案|官方答案|教材|网上|同学|他人|别人|有[些的]人|某些人|老师)[^,。;\n]{{0,6}}(?:给的?"
    rf"|说|认为|选|是|为|写){1, 3}[^,。;\n]{{0,80}}"
    rf"|\b(?:the (?:textbook|key|answer key|reference|teacher)|my (?:friend|teacher|classmate)) (?:says?|gives?"
    rf"|claims?|lists?)\b[^,.;\n]{{0,80}}",
    re.IGNORECASE,
)
_FORCED = (
    r"(?!.{0,6}(?:非|一定|必须|只能|要我?|让我|硬)[^,。]{0,4}(?:选|答|判断)"
    r"| ?(?:i|you|we|one) (?:had|have|must|am|are|were|ask)\b| (?:forced|pressed|pushed)\b)"
)
CONDITIONS = re.compile(
    rf"(?:如果|若(?!干)|假如|假设|倘若|要是|假使|万一|除非|只要|一旦|\b(?:if|unless|suppose|supposing|assuming"
    rf"|were)\b(?! (?:any|anything)\b)){_FORCED}"
    r"[^。!?\n]{0,80}?(?=[。!?\n]|$|但|不过|(?<=[,;])而?(?:本题|此处|这里|题[中干目])|所以|因此|故|综上"
    r"|\b(?:but|however|here|so|therefore)\b)",
    re.IGNORECASE,
)
UNSURE = re.compile(
    r"(?:不太?|无法|不能|没法|难以|不敢)(?:完全|百分之?百|十分|很)?(?:确定|肯定|断定|确认)|拿不准|说不准|说不好"
    r"|不好说|仅供参考|纯属猜测|瞎猜|乱猜"
    r"|(?:not|n\"t|never|hardly) (?:be )?(?:\w+ )?(?:sure|certain|know)|\bjust (?:a )?guess|wild guess"
    r"|could be wrong|might be wrong",
    re.IGNORECASE,
)
_MAYBE = re.compile(rf"(?:可能|也许|或许|maybe|perhaps|might be|could be)[是选为 ]*{_T}", re.IGNORECASE)
MIXED = re.compile(
    r"\byes,? (?:and|or) no\b|\b(?:maybe|perhaps|possibly|not) (?:yes|no)\b|(?:也许|或许|可能)(?:是"
    r"|否)?[,、]?(?:也许|或许|可能)"
    r"|(?:say|answer) (?:yes|no)\b|hard to say|是也不是|才怪"
    r"|既[^,。]{0,4}是[^,。]{0,3}[,也又](?:可以)?[^,。]{0,3}[否不]",
    re.IGNORECASE,
)
"""Both of a yes and a no, or neither."""
REFUSED = re.compile(
    r"(?:我|抱歉|对不起|很遗憾|AI|模型|助手)[^。!?\n]{0,14}(?:无法|不能|不便|拒绝|不会"
    r"|没办法)[^。!?\n]{0,8}(?:回答|作答|协助|帮助|提供|判断|选择|参与|讨论)"
    r"|\b(?:i|we) (?:can(?:not|\"t| not)|won\"t|will not|refuse to|decline to|am unable to|\"?m unable to|must decline)"
    r"(?: \w+)? ?(?:help|assist|answer|comply|choose|pick|engage|respond)?",
    re.IGNORECASE,
)
_SLIPS = re.compile(
    r"(?:^|[。.,;!?\n—…\"\-( ])(?:[哦啊噢唉呃]*|抱歉|对不起|不好意思|等等|sorry|oops|wait)[,.!。 ]*(?:我|我刚才"
    r"|刚才|前面|上面|刚刚|之前)?"
    r"(?:的?(?:答案|回答))?(?:说|写|搞|弄|看|选|打|答|想|记|填)(?:错|反|岔|颠倒)了[,。:;! ]"
    r"|(?:口误|笔误|更正|纠正(?:一下)?|收回(?:前面|之前|刚才|以上)[^,。]{0,6})[,。:;! ]"
    r"|\b(?:correction|scratch that|i misspoke|my mistake|my bad|i was wrong|let me correct (?:that|myself)"
    r"|i take (?:that|it) back|i meant(?: to say)?)[,.:;! ]+"
    r"|(?<=[…。.,—])不对[,。](?=(?:应该?)?[是否][。.!]?$)"
    r"|\boops\b[^.;\n]{0,24}[.;]",
    re.IGNORECASE,
)


def revised(text: str) -> str | None:
    """What stands after the last slip that the reply owns up to; None where there is none."""
    slips = list(_SLIPS.finditer(text))
    return text[slips[-1].end() :].strip() if slips else None


def own(text: str) -> str:
    """The text without what it only weighs."""
    return CONDITIONS.sub(" ", ASIDES.sub(" ", text))


def left_open(text: str) -> bool:
    """True if it names several to choose from, or ends in doubt."""
    if OPEN.search(text):
        return True
    doubts = list(UNSURE.finditer(text))
    after = text[doubts[-1].end() :] if doubts else ""
    return bool(doubts) and (not re.search(TOKEN, after) or _MAYBE.search(after) is not None)
