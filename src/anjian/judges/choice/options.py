"""Reads which option of a multiple-choice question a reply settles on.

    "综上，A和B都不对，应选C。" → C        "**答案：B. 否**" → B        "选A或B都行" → several options

The phrases are looked for from the most to the least explicit: a statement of the answer (the last one counts), a line
of its own or the first words, a plain 选A, a verdict on one option, and at last the only option that is named at all.
"""

import re
from collections.abc import Iterator, Mapping

from anjian.judges.base import NO_OPTION, SEVERAL_OPTIONS, Verdict
from anjian.judges.choice import arabic
from anjian.judges.choice.tokens import BY_LETTER, BY_TEXT, GAP, TOKEN, clean, letters_in, tokenise

# What leads to the answer.
ANSWER = (
    "(?<!错误)(?<!错误的)(?<!不正确的)"
    "(?:答案|结论|判断|回答|正确的?选项|最终选择|answer|(?:correct|right|best) (?:option|choice)"
    rf"|{arabic.ANSWER})"
)
LINK = (
    r'(?:应该|应当|应|该|就|则|只能|会|显然|选择|选|是|为|填|should|would|must|is|be|[:="\s]'
    rf"|(?:{arabic.LINK})\b)++(?:选项|option)?"
)
CHOOSE = r'选择?(?:的(?:答案|选项)?是|了|为|取|答案|选项|[:"\s])*+'
CHOOSE_EN = r"\b(?:choose|select|pick|go with)(?: option)?"
CHOOSE_AR = rf"\b{arabic.CHOOSE}"
HENCE = "故|因此|因而|所以|综上|总之|于是|最终|最后"
RESOLVED = HENCE + "|应该|应当|应|该|本题|此题|只能|必须|正确|我"
RATHER = rf"(?:(?:而是|,是|应是|应为|才是|就是)(?:选项)?|\b{arabic.RATHER})"

# What takes it back: before it ("不应该选A", "有人会选A"), and after it ("选A吗", "选A就错了").
NOT = (
    "不|非|没有?|未|(?<!错)误|错|错误的?答案|勿|别|莫|无法|拒绝|避免|排除|除了?"
    '|如果|假如|假设|若|倘若|要是|为什么|为何|not|n"t|never|than|if'
    rf"|\b(?:{arabic.NOT})\b"
)
MODAL = (
    "应该?|应当|能够?|会|再|可以?|要|必|宜|是|建议|推荐|考虑|倾向于?|说|属于|构成|认定为|符合|涉及|把|将|我"
    "|选择?|选项|用|给出|回答|判断|确定|认为|断定|直接|choose|select|pick|option"
    rf"|(?:{arabic.MODAL})\b"
)
BARRED = re.compile(rf"(?<!不得)(?<!不能)(?:{NOT}){GAP}(?:(?:{MODAL}){GAP})*$", re.IGNORECASE)
OTHERS = re.compile(r"(?:人|者|考生|同学|学生|大家|网友)[^,。;!?\n故所因应]{0,6}$|(?:还是|或者?)$")
NOT_ASKED = rf"(?!{GAP}(?:吗|呢|\?|还是|的人|与否))"
NOT_TURNED = rf"(?!{GAP}(?:的|则|就|是错|是不|不|错|也|会))"

# One option or several: "A", "A和B", "A、B", "AB". "A,B错" is A alone; "A. 否", where 否 is B, is both.
END = rf"(?={GAP}(?:$|[。.,;!?、:\n—]))"
LIST = (
    rf"(?>{TOKEN}(?:{TOKEN}|{GAP}(?:[和与及或、]|以及|还是|and|or|{arabic.AND}){GAP}{TOKEN}"
    rf"|{GAP}[,/&]?{GAP}{TOKEN}{END}|(?<={BY_LETTER}){GAP}[.:]{GAP}{BY_TEXT}{END}){{0,25}})"
)
ONE = rf"{GAP}(?P<list>{LIST}){NOT_ASKED}"

# What is said of an option.
SURE = '(?:的?(?:说法|做法|描述|表述|观点|行为)|选?项|是|才|更|最|都|均|也|为|完全|显然|is|are|هي|هو|هذه|هذا|[: "])*+'
RIGHT = rf"(?:正确|符合|合适|恰当|准确|合理|correct\b|right\b|对(?=的?{END})|(?:{arabic.RIGHT})\b)"
NAME_BEFORE = re.compile(r"(?:^|[\s\",.:;。、!?选项是为和与或及即于剩有仅只持向得看]|答案|option)$", re.IGNORECASE)
NAME_AFTER = re.compile(
    rf"{GAP}(?:$|[。.,;!?、:\n—]|[选项和与及或都均更最才而因由比是对还两]|正确|符合|属于|because|as\b|is\b)"
)


def _patterns(*patterns: str) -> list[re.Pattern[str]]:
    return [re.compile(pattern, re.IGNORECASE | re.MULTILINE) for pattern in patterns]


# `at` is where what takes it back would stand before.
STATEMENTS = _patterns(
    rf"(?P<at>){ANSWER}{LINK}{ONE}",
    rf"(?:{RESOLVED})[^。!?\n;]{{0,8}}?(?P<at>){CHOOSE}{ONE}",
    rf'(?:{HENCE}|\b(?:{arabic.HENCE})\b)[所述,:"\s]*(?P<at>)(?:选项)?{ONE}{END}',
    rf"(?P<at>){RATHER}{ONE}",
    rf"(?P<at>){CHOOSE_EN}{ONE}",
    rf"(?P<at>){CHOOSE_AR}{ONE}",
)
PLAIN = _patterns(rf"(?P<at>){CHOOSE}{ONE}{NOT_TURNED}")
VERDICTS = _patterns(
    rf"(?P<at>)(?P<list>{LIST}){SURE}{RIGHT}{NOT_ASKED}",
    rf'(?:的(?:选项|答案|说法|做法|一项|行为)?|最[佳优]选[项择])(?:应该?)?是[":\s]*(?P<at>){ONE}',
)
NAMES, WRONG, WHOLE_LINE, LINE_START = _patterns(
    rf"(?P<at>)(?P<list>{LIST})",
    SURE + rf"(?:则|并|可以?|应该?|被)*(?:不|错|有误|排除|无关|wrong|(?:{arabic.WRONG})\b)",
    rf'[- ]*{ONE}[" 。.,!]*$',
    rf"[- ]*{ONE}{END}",
)
CANONICAL = re.compile(
    "(?:最终|正确)?(?:答案|选项|应选|选择|选|[Tt]he(?:correct)?answer|[Aa]nswer)(?:是|为|选|is)?"
    f"|(?:{arabic.ANSWER}|الخيار)(?:الصحيحة|الصحيح)?(?:هي|هو)?(?:الخيار)?"
)


def read_option(answer: str, options: Mapping[str, str]) -> Verdict:
    """Returns a verdict whose label is the letter the reply settles on, without points; unscored if none or several.

    Args:
        answer: The reply, its thinking removed.
        options: Letter to text.
    """
    texts = {letter: clean(text).strip('"。.,; ') for letter, text in options.items()}
    reply = arabic.latin(clean(answer), len(options))
    if letter := _canonical(reply, texts):
        return Verdict(label=letter)
    reply, restated = tokenise(reply, texts)
    letters = _settled(reply) or (set(options) if restated else set())
    if len(letters) == 1:
        return Verdict(label=letters.pop())
    return Verdict(unscored=SEVERAL_OPTIONS if letters else NO_OPTION)


def _canonical(reply: str, texts: Mapping[str, str]) -> str | None:
    """The letter of a reply that is nothing but a letter, an option's text or both, whatever that text says."""
    key = _key(reply)
    for said in (key, CANONICAL.sub("", key, count=1)):
        for letter, text in texts.items():
            if said.upper() == letter or said == letter + _key(text):
                return letter
        same = [letter for letter, text in texts.items() if said and _key(text) == said]
        if len(same) == 1:
            return same[0]
    return None


def _key(text: str) -> str:
    return "".join(char for char in text if char.isalnum())


def _settled(text: str) -> set[str]:
    """The letters that the most explicit phrase names; empty if no option is named."""
    if stated := list(_found(STATEMENTS, text)):
        return letters_in(stated[-1])
    if alone := _lines(text):
        return alone
    if chosen := list(_found(PLAIN, text)):
        return letters_in(chosen[-1])
    if praised := letters_in("".join(_found(VERDICTS, text))):
        return praised
    return _named(text)


def _found(patterns: list[re.Pattern[str]], text: str) -> Iterator[str]:
    """Yields the lists that the patterns find and nothing before them takes back, in the order of the text."""
    matches = [match for pattern in patterns for match in pattern.finditer(text)]
    for match in sorted(matches, key=lambda match: match.start("list")):
        before = text[max(0, match.start("at") - 16) : match.start("at")]
        if not BARRED.search(before) and not OTHERS.search(before):
            yield match["list"]


def _lines(text: str) -> set[str]:
    """The one letter that the last line holds alone, or that the first line begins with, if no other line differs."""
    lines = text.strip().splitlines() or [""]
    whole = [match["list"] for line in lines if (match := WHOLE_LINE.match(line))]
    starts = [match["list"] for line in lines if (match := LINE_START.match(line))]
    for found, line, pattern in ((whole, lines[-1], WHOLE_LINE), (starts, lines[0], LINE_START)):
        letters = letters_in("".join(found))
        if len(letters) == 1 and pattern.match(line):
            return letters
    return set()


def _named(text: str) -> set[str]:
    """The letters named and not ruled out, or else the options whose texts are."""
    by_letter, by_text = set[str](), set[str]()
    for match in NAMES.finditer(text):
        before = text[max(0, match.start() - 16) : match.start()]
        if BARRED.search(before) or WRONG.match(text, match.end()):
            continue
        if not re.match(BY_LETTER, match[0]):
            by_text |= letters_in(match[0])
        elif NAME_BEFORE.search(before) and NAME_AFTER.match(text, match.end()):
            by_letter |= letters_in(match[0])
    return by_letter or by_text
