"""Reads which option of a multiple-choice question a reply settles on.

    "综上，A和B都不对，应选C。" → C        "**答案：B. 否**" → B        "选A或B都行" → several options

Every letter or text that stands for an option becomes one token, so that "A", "(A)" and "A. 是" look alike. The phrases
below then look for tokens, the most explicit first: a statement of the answer (the last one counts), a line of its own or
the first words, a plain 选A, a verdict on one option, and at last the only option that is named at all.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping

from anjian.judges.base import NO_OPTION, SEVERAL_OPTIONS, Verdict

# Tokens are private-use characters: U+E000 … for an option named by its letter, U+E100 … by its text.
LETTER_TOKEN, TEXT_TOKEN, TOKEN = "[\ue000-\ue019]", "[\ue100-\ue119]", "[\ue000-\ue019\ue100-\ue119]"

# What makes a capital letter a name ("A公司", "B站"), and what lets an English "A" be an option.
ENTITY = (
    "公司|企业|集团|股|站|国|市|省|县|区|村|校|班|型|级|类|款|厂|店|某|先生|女士|同学|平台|品牌|方|君|罩杯|大学|医院|机构|单位|产品|计划"
)
AFTER_ARTICLE = r"(?! +(?!because|as|since|is\b)[a-z])"
# Short texts are found only where they stand alone: not in 但是, 是否.
SHORT = {"是的", "不是", "没有", "有的", "会的", "不会", "不能", "可以", "不对", "对的", "不行", "属于"}
SYNONYMS = {"是": ("Yes", "yes", "YES"), "否": ("不是", "No", "no", "NO")}
ALONE_BEFORE = r'(?:^|(?<=[\s",.:;。、!?选择此以故])|(?<=认为)|(?<=觉得)|(?<=案是)|(?<=案为)|(?<=论是)|(?<=答是)|(?<=断是))'

ANSWER = r"(?:答案|结论|判断|回答|正确的?选项|最终选择|answer|(?:correct|right|best) (?:option|choice))"
LINK = r'(?:应该|应当|应|该|就|则|只能|会|显然|选择|选|是|为|填|should|would|must|is|be|[:="\s])++(?:选项|option)?'
CHOOSE = r'选择?(?:的(?:答案|选项)?是|了|为|取|答案|选项|[:"\s])*+'
HENCE = "故|因此|因而|所以|综上|总之|于是|最终|最后"
RESOLVED = HENCE + "|应该|应当|应|该|本题|此题|只能|必须|正确|我|还是"
RATHER = "(?:而是|,是|应是|应为|才是|就是)(?:选项)?"
CHOOSE_EN = r"\b(?:choose|select|pick|go with) (?:option)?"

# What takes a statement back, before it and after it.
NOT = "不|非|没有?|未|误|错误?的?|勿|别|莫|无法|拒绝|避免|排除|除了?|如果|假如|假设|若|倘若|要是|为什么|为何|not|n[\"']?t|never|than|if"
MODAL = "应该?|应当|能够?|会|再|可以?|要|必|宜|是|建议|推荐|考虑|倾向于?|说|属于|构成|认定为|符合|涉及|把|将|我|选择?|选项|option"
BARRED = re.compile(rf'(?<!不得)(?<!不能)(?:{NOT})[" ]*(?:(?:{MODAL})[" ]*)*$', re.IGNORECASE)
OTHERS = re.compile(r"(?:人|者|考生|同学|学生|大家|模型|网友)[^,。;!?\n]{0,6}$")
NOT_ASKED = r'(?![" ]*(?:吗|呢|\?|还是|的人|与否))'
NOT_TURNED = r'(?![" ]*(?:的|则|就|是错|是不|不|错|也|会))'
SURE = '(?:的?(?:说法|做法|描述|表述|观点|行为)|选?项|是|才|更|最|都|均|也|为|完全|显然|is|are|[" ])*+'
WRONG = re.compile(SURE + r"(?:则|并|可以?|应该?|被)*(?:不|错|有误|排除|无关|wrong)", re.IGNORECASE)

GAP = '[" ]*'  # brackets, quotes and Markdown marks are all rewritten to one quote
END = rf"(?={GAP}(?:$|[。.,;!?、:\n—]))"
RIGHT = rf"(?:正确|符合|合适|恰当|准确|合理|correct\b|right\b|对(?=的?{END}))"
# One option or several: "A", "A和B", "A、B", "AB". "A,B错" is A alone; "A. 否", where 否 is B, is both.
LIST = (
    rf"(?>{TOKEN}(?:{GAP}(?:[和与及或、]|以及|还是|and|or){GAP}{TOKEN}"
    rf"|{GAP}[,/&]?{GAP}{TOKEN}{END}|(?<={LETTER_TOKEN}){GAP}[.:]{GAP}{TEXT_TOKEN}{END})*)"
)


def _patterns(*patterns: str) -> list[re.Pattern[str]]:
    return [re.compile(pattern, re.IGNORECASE | re.MULTILINE) for pattern in patterns]


ONE = rf"{GAP}(?P<list>{LIST}){NOT_ASKED}"
STATEMENTS = _patterns(
    rf"(?P<at>){ANSWER}{LINK}{ONE}",
    rf"(?:{RESOLVED})[^。!?\n;]{{0,8}}?(?P<at>){CHOOSE}{ONE}",
    rf'(?:{HENCE})[所述,:"\s]*(?P<at>)(?:选项)?{ONE}{END}',
    rf"(?P<at>){RATHER}{ONE}",
    rf"(?P<at>){CHOOSE_EN}{ONE}",
)
PLAIN = _patterns(rf"(?P<at>){CHOOSE}{ONE}{NOT_TURNED}")
VERDICTS = _patterns(
    rf"(?P<at>)(?P<list>{LIST}){SURE}{RIGHT}{NOT_ASKED}",
    rf'(?P<at>)的(?:选项|答案|说法|做法|一项|行为)?(?:应该?)?是[":\s]*{ONE}',
)
LINE_START, LINE, NAMED = _patterns(rf"[- ]*{ONE}{END}", rf"[- ]*{ONE}[\" 。.,!]*", rf"(?P<list>{LIST})")
NAME_BEFORE, NAME_AFTER, LOWER = _patterns(
    r"(?:^|[\s\",.:;。、!?]|选项?|答案|是|为|和|与|或|及|即|option)$",
    rf"{GAP}(?:$|[。.,;!?、:\n]|选?项|正确|对|错|[和与及或都均更最才而因由比是]|符合|属于|is\b|because|as\b|since)",
    rf"((?:(?:{ANSWER})(?:{LINK})|{CHOOSE}|选项{GAP}){GAP})([a-z])(?![A-Za-z0-9]| +[A-Za-z])",
)
CANONICAL_LEAD = re.compile("(?:最终|正确)?(?:答案|选项|应选|选择|选|[Tt]he(?:correct)?answer|[Aa]nswer)(?:是|为|选|is)?")


def read_option(answer: str, options: Mapping[str, str]) -> Verdict:
    """Returns a verdict whose label is the letter the reply settles on, without points; unscored if none or several.

    Args:
        answer: The reply, its thinking removed.
        options: Letter to text.
    """
    texts = {letter: _clean(text).strip('"。.,;') for letter, text in options.items()}
    reply = re.sub("[\ue000-\ue1ff]", "", _clean(answer))
    if letter := _canonical(_key(reply), texts):
        return Verdict(label=letter)
    reply, restated = _without_restatement(_tokens(reply, texts), texts)
    letters = _settled(reply) or (set(options) if restated else set())
    if len(letters) == 1:
        return Verdict(label=letters.pop())
    return Verdict(unscored=SEVERAL_OPTIONS if letters else NO_OPTION)


def _clean(text: str) -> str:
    """Normalises widths, blanks, marks around words, and LaTeX boxes."""
    text = unicodedata.normalize("NFKC", text)
    text = re.sub(r"\\boxed\s*\{\s*(?:\\\w+\s*\{)?([^{}]*)\}+", r"\n答案:\1\n", text)
    text = re.sub(r"[*`#~$|“”‘’'「」『』【】《》<>()\[\]{}\"]", '"', text)
    text = re.sub(r'[^\S\n]*"(?:[^\S\n]|")*', '"', text)
    return re.sub(r"\s*\n\s*", "\n", re.sub(r"[^\S\n]+", " ", text)).strip()


def _key(text: str) -> str:
    return "".join(char for char in text if char.isalnum())


def _canonical(key: str, texts: Mapping[str, str]) -> str | None:
    """The letter of a reply that is nothing but a letter, an option's text or both, whatever that text says."""
    for reply in (key, CANONICAL_LEAD.sub("", key, count=1)):
        for letter, text in texts.items():
            if reply.upper() == letter or reply == letter + _key(text):
                return letter
        if len(same := [letter for letter, text in texts.items() if reply and _key(text) == reply]) == 1:
            return same[0]
    return None


def _tokens(reply: str, texts: Mapping[str, str]) -> str:
    """Puts tokens for letters with their text, then texts (longer ones first), letters, and short texts that stand alone."""
    letters = "".join(texts)
    tokens: dict[str, str] = {}
    for letter, text in texts.items():
        if len(text) > 1 or not text.isascii():
            tokens[text] = tokens.get(text, "") + chr(0xE100 + ord(letter) - ord("A"))
    short = {text: token for text, token in tokens.items() if len(text) == 1 or text in SHORT}
    if short.keys() >= SYNONYMS.keys():
        short |= {word: short[text] for text, words in SYNONYMS.items() for word in words}
    for letter, text in texts.items():
        if text in tokens:
            after = r'的?(?=[\s"。.,;!?、]|$)' if text in short else ""
            pair = rf"(?<![A-Za-z0-9]){letter}{GAP}[.:、]?{GAP}{_spaced(text)}{after}"
            reply = re.sub(pair, _letter_token(letter), reply)
    long = sorted(tokens.keys() - short.keys(), key=len, reverse=True)
    reply = _replace(reply, "|".join(map(_spaced, long)), {_key(text): tokens[text] for text in long})
    reply = LOWER.sub(lambda match: match[1] + match[2].upper(), reply)
    several = rf'(?:(?<=[选择是为:"])|^)[{letters}]{{2,}}'
    name = rf"{several}(?![A-Za-z0-9])|(?<![A-Za-z0-9°_])(?<![A-Za-z0-9][/\-.&])[{letters}](?![A-Za-z0-9_+#]|[/\-&][A-Za-z0-9]|\"s\b)"
    name = rf"(?:{name}){AFTER_ARTICLE}(?!{GAP}(?:{ENTITY}))"
    reply = re.sub(name, lambda match: "".join(map(_letter_token, match[0])), reply)
    words = "|".join(map(re.escape, sorted(short, key=len, reverse=True)))
    alone = rf'(?:(?<=")(?:{words})的?(?=")|{ALONE_BEFORE}(?:{words})的?(?= *(?:$|[。.,;!?、\n—])))(?!{GAP}{LETTER_TOKEN})'
    return re.sub(alone, lambda m: short.get(m[0]) or short[m[0].removesuffix("的")], reply) if words else reply


def _spaced(text: str) -> str:
    return r"\s*".join(re.escape(char) for char in text if not char.isspace())
