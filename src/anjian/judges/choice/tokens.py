"""Rewrites a reply so that each letter or text that stands for an option of the question is one token.

"A", "(A)" and "**A. 是**" become the same token, so the phrases of `anjian.judges.choice.options` need not tell them
apart.
"""

import re
import unicodedata
from collections.abc import Mapping

from anjian.judges.choice.arabic import LETTER, plain

# Tokens are private-use characters: U+E000 … for an option named by its letter, U+E100 … by its text.
BY_LETTER, BY_TEXT, TOKEN = "[\ue000-\ue019]", "[\ue100-\ue119]", "[\ue000-\ue019\ue100-\ue119]"
# Brackets, quotes and Markdown marks are all rewritten to one straight quote.
GAP = '[" ]*'

# What makes a capital letter a name ("A公司", "B站").
ENTITY = (
    "公司|企业|集团|股|站|国|市|省|县|区|村|校|班|型|级|类|款|厂|店|某|先生|女士|同学|平台|"
    "品牌|方|君|医院|机构|计划|超(?![过出越])|座|栋|楼"
)
# An English article or pronoun is no option: "A good question"; but "A because …" and "A or C" name one.
NO_ARTICLE = (
    r"(?!(?<=[AI]) +(?!because\b|as\b|since\b|is\b|isn|are\b|was\b|and\b|or\b|nor\b|but\b|seems\b|looks\b|would\b"
    r"|does\b|doesn|fits\b|rather than\b|plus\b|if\b|unless\b|only\b|provided\b"
    r"|depending\b|when\b|over\b|instead\b|beats\b|first\b|it is\b)[a-z])"
)
LETTER_BEFORE = r"(?<![A-Za-z0-9°_])(?<![A-Za-z0-9][/\-.&])" + "".join(
    f"(?<!{word} )(?<!{word.lower()} )"
    for word in ("Plan", "Vitamin", "Hepatitis", "Type", "Team", "Group", "Appendix", "Company", "Person", "Party")
)
LETTER_AFTER = rf"(?![A-Za-z0-9_+#]|[/\-&][A-Za-z0-9]|\"s\b){NO_ARTICLE}(?!{GAP}(?:{ENTITY}))"
# A small letter or several at once ("选b", "答案：ABD") only count right after one of these, or on a line of their own.
ASKS_LETTER = r"(?:答案|选择?|选项)[的是为了择项应: \"]*|(?i:answers?|choose|options?)(?: is| are)?[: \"]*"
SEVERAL = "[A-Z](?:[/+&]?[A-Z])+"
SMALL = r"[a-z](?![A-Za-z])(?! +(?!is\b|because)[A-Za-z])"

# Short texts count only where they stand alone, not in 但是 or 是否.
SHORT = {"是的", "不是", "没有", "有的", "会的", "不会", "不能", "可以", "不对", "对的", "不行", "属于", "نعم", "لا"}
SYNONYMS = {"是": ("Yes", "yes", "YES"), "否": ("不是", "No", "no", "NO")}
ALONE_BEFORE = r'(?:(?m:^)|(?<=[\s",.:;。、!?选择此以故])|(?<=认为|觉得|案是|案为|论是|答是|断是))'
ALONE_AFTER = r"(?= *(?:$|[。.,;!?、\n—]))"


def clean(text: str) -> str:
    r"""Normalises widths, blanks, marks around words, and `\boxed{A}`, which becomes 答案:A on a line of its own."""
    text = plain(unicodedata.normalize("NFKC", re.sub("[\ue000-\uf8ff\ufe0f]|</?[a-z]{1,10}>", "", text)))
    text = re.sub(r"\\boxed\s*\{\s*(?:\\\w+\s*\{)?([^{}]*)\}+", r"\n答案:\1\n", text)
    text = re.sub(r"[*`#~$|“”‘’'「」『』【】《》<>()\[\]{}]", '"', re.sub(r"[^\S\n]+", " ", text))
    return re.sub(r"\s*\n\s*", "\n", re.sub(r' ?"[ "]*', '"', text)).strip()


def tokenise(reply: str, texts: Mapping[str, str]) -> tuple[str, bool]:
    """Puts the tokens into a clean reply and takes out restated options; `texts` are the options' clean texts.

    Returns the reply and whether it restated all options one after the other.
    """
    named: dict[str, str] = {}
    for letter, text in texts.items():
        if len(text) > 1 or (text and not text.isascii()):
            named[text] = named.get(text, "") + _token(letter, 0xE100)
    short = {text: token for text, token in named.items() if len(text) == 1 or text in SHORT}
    reply = _pairs(reply, {letter: text for letter, text in texts.items() if text in named}, short)
    all_pairs = r'["\s,;。.、]*'.join(_token(letter, 0xE000) for letter in texts)
    reply, restated = re.subn(all_pairs + r'(?=["\s。.,;!?]|$)', "\n", reply)
    reply = _long_texts(reply, {text: token for text, token in named.items() if text not in short})
    reply = _letters(reply, "".join(texts))
    return _short_texts(reply, short), restated > 0


def letters_in(tokens: str) -> set[str]:
    """The letters of the options that a string of tokens and other characters names."""
    return {chr(ord("A") + (ord(token) & 0xFF)) for token in re.findall(TOKEN, tokens)}


def _token(letter: str, base: int) -> str:
    return chr(base + ord(letter) - ord("A"))


def _pairs(reply: str, texts: Mapping[str, str], short: Mapping[str, str]) -> str:
    """A letter followed by its own text: "A. 是"."""
    for letter, text in texts.items():
        after = r'的?(?=[\s"。.,;!?、]|$)' if text in short else ""
        pair = rf"(?<![A-Za-z0-9]){letter}{GAP}[.:、-]?{GAP}{_spaced(text)}{after}"
        reply = re.sub(pair, _token(letter, 0xE000), reply)
    return reply


def _long_texts(reply: str, named: Mapping[str, str]) -> str:
    """Texts anywhere; of two that begin at one place, the longer."""
    if not named:
        return reply
    by_squeezed = {_squeeze(text): token for text, token in named.items()}
    pattern = "|".join(_spaced(text) for text in sorted(named, key=len, reverse=True))
    return re.sub(pattern, lambda match: by_squeezed[_squeeze(match[0])], reply)


def _letters(reply: str, letters: str) -> str:
    def put(match: re.Match[str]) -> str:
        named = re.sub("[/+&]", "", match["letters"].upper())
        tokens = "".join(_token(letter, 0xE000) for letter in named)
        return match["before"] + tokens if set(named) <= set(letters) else match[0]

    asked = rf"(?P<before>{ASKS_LETTER})(?P<letters>{SMALL}|{SEVERAL}){LETTER_AFTER}"
    own_line = r'(?P<before>(?m:^)[" ]*)(?P<letters>[a-z]|[A-Z](?:[/+&]?[A-Z])+)(?=[" .。,]*(?m:$))'
    single = rf"(?P<before>){LETTER_BEFORE}(?P<letters>[A-Z]){LETTER_AFTER}"
    for pattern in (asked, own_line, single):
        reply = re.sub(pattern, put, reply)
    return reply


def _short_texts(reply: str, named: Mapping[str, str]) -> str:
    if not named:
        return reply
    if SYNONYMS.keys() <= named.keys():
        named = {word: token for text, token in named.items() for word in (text, *SYNONYMS.get(text, ()))} | dict(named)
    words = "|".join(re.escape(text) for text in sorted(named, key=len, reverse=True))
    quoted, alone = rf'(?<=")({words})的?(?=")', rf"{ALONE_BEFORE}({words})的?{ALONE_AFTER}"
    pattern = rf"(?:{quoted}|{alone})(?!\s*{GAP}{BY_LETTER})"
    return re.sub(pattern, lambda match: named[match[1] or match[2]], reply)


def _squeeze(text: str) -> str:
    return re.sub(r"\s", "", text)


def _spaced(text: str) -> str:
    """A pattern of the text with any whitespace in it; "1、2" is not found in "1、2、3", nor "IP" in "IPO"."""
    before = r"(?<![A-Za-z0-9])(?<!\d、)" if text[0].isascii() and text[0].isalnum() else ""
    after = r"(?![A-Za-z0-9]|、\d)" if text[-1].isascii() and text[-1].isalnum() else ""
    before += f"(?<![{LETTER}])" if re.match(f"[{LETTER}]", text) else ""
    after += r"(?!的?[\u4e00-\u9fff])" if text.startswith(("没有", "无")) else ""
    after += f"(?![{LETTER}])" if re.match(f"[{LETTER}]", text[-1]) else ""
    return before + r"\s*".join(map(re.escape, _squeeze(text))) + after
