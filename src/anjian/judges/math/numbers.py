r"""Reads numbers as people and models write them: 1，234、10 000、1e6、３.5％、三又四分之一、\frac{3}{4}、18 元.

>>> read_number("1,234.50 元")
Quantity(values=(Fraction(2469, 2),), decimal=True, scale='')
>>> read_number("四分之三").values
(Fraction(3, 4),)
"""

import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

import msgspec

from anjian.judges.math.words import words_in

LONGEST = 60
"""Characters of a number; what is longer is none."""
CLOSE = Fraction(1, 2_000_000)
"""How far a rounded decimal may be off: half of its sixth place."""

_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_FORMAL = str.maketrans("壹贰叁肆伍陆柒捌玖拾佰仟萬億兩", "一二三四五六七八九十百千万亿两")
_PLACES = {"十": 10, "百": 100, "千": 1000}
_LARGE = {"万": 10**4, "亿": 10**8}
_GREAT = {places + large: {"": 1, **_PLACES}[places] * _LARGE[large] for places in ("", "百", "千") for large in _LARGE}
_TIMES = {"千": 1000, "k": 1000, "打": 12, "dozen": 12, "hundred": 100, "thousand": 1000, "million": 10**6}
SCALES = {scale: Fraction(value) for scale, value in (_GREAT | _TIMES | {"billion": 10**9}).items()}
SCALES |= {"%": Fraction(1, 100), "percent": Fraction(1, 100)}
"""What follows a number and multiplies it."""
_HAN = "零〇一二两三四五六七八九十百千万亿"
_HALF = re.compile(r"一?半(?![\u4e00-\u9fff])")
_PLAIN = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+"
NUMBER = re.compile(
    rf"(?:(?<![\w)])[+-]\s*|负)?"
    rf"(?:(?P<whole>\d+)(?:\s*又\s*| (?=\d+/\d)))?"
    rf"(?:(?P<over>{_PLAIN})\s*/\s*(?P<under>\d+)(?![\d.])|(?P<plain>{_PLAIN}))"
    rf"\s*(?P<scale>[百千]?[万亿]|%|千(?![克米瓦卡])|打(?![\u4e00-\u9fff])"
    r"|(?i:k(?![A-Za-z])|(?:percent|dozen|hundred|thousand|million|billion)\b))?"
)
"""A number in normalised text; not glued to a letter or an exponent, see `numbers_in`."""
_FRACTION = re.compile(r"\\[dtc]?frac\s*(?:\{\s*(-?\d+)\s*\}|(\d))\s*(?:\{\s*(\d+)\s*\}|(\d))")
_HAN_NUMBER = re.compile(
    rf"(?P<minus>负)?(?:(?P<whole>[{_HAN}]+)又)?(?:(?P<under>[{_HAN}]+)分之)?"
    rf"(?P<top>(?:(?!千[米克瓦卡])[{_HAN}])+)(?:点(?P<decimals>[零〇一二三四五六七八九]+))?"
)
_UNIT = re.compile(
    r"\s*(?:[\u4e00-\u9fff°℃]{0,8}|[A-Za-z]{2,12}(?:\s[A-Za-z]{2,12}){0,3}|[gmsLlhtNJWV])"
    r"(?:\s*(?:(?<=\w)(?<!\d)(?<!\d )\^\s*[23]|/\s*\w{1,6}))?\s*"
)
_SIGNS = str.maketrans(
    {"−": "-", "–": "-", "－": "-", "⁄": "/", "∕": "/", "²": "^2", "³": "^3", "\u00a0": " ", "！": "。"}
)
_GROUPED = re.compile(r"(?<![\w.,/^])[1-9]\d{0,2}(?:[ ~]\d{3})+(?![\w/^]| *\d)")
"""Thousands apart by a space: 10 000."""
_POWER = re.compile(
    r"(?<![\w.^])(?<!\^\{)(?:(?P<plain>\d+(?:\.\d+)?)(?:[eE]|\s*(?:[×*]|\\times|\\cdot)\s*10\s*\^\s*\{?)|10\s*\^\s*\{?)"
    r"(?P<power>[+-]?\d{1,2})\}?(?![\w.^]*[\w^])"
)
"""1e6, 1.5 × 10^3, 10^6."""
_CIRCLED = re.compile(r"[\u2460-\u24ff\u2776-\u2793]")


class Quantity(msgspec.Struct, frozen=True):
    """A number that was read.

    Attributes:
        values: What it may mean, first of all its own value: 75% is 0.75 or 75, 3万 is 30,000 or 3 (of the unit 万)
            where the question asks for that unit.
        decimal: True if it was written with decimals, so that it may be rounded.
        scale: The unit on which the second value rests.
    """

    values: tuple[Fraction, ...]
    decimal: bool = False
    scale: str = ""

    @property
    def plain(self) -> "Quantity":
        """Its own value alone."""
        return Quantity(self.values[:1], self.decimal)

    def equals(self, other: "Quantity") -> bool:
        """True if both may mean the same; a decimal equals what it agrees with to six places."""
        room = CLOSE if self.decimal or other.decimal else 0
        return any(abs(one - two) <= room for one in self.values for two in other.values)


def normalised(text: str) -> str:
    """Full-width forms become plain, separators of thousands and spacing commands of LaTeX go."""
    text = unicodedata.normalize("NFKC", _CIRCLED.sub(" ", text).translate(_SIGNS)).translate(_SIGNS)
    text = re.sub(r"\{,\}|,\\[!,;: ]\s*", ",", text)
    text = re.sub(r"\\[!,;:]", "", text)
    text = _GROUPED.sub(lambda found: re.sub("[ ~]", "", found[0]), text)
    text = _POWER.sub(_written_out, text)
    return re.sub(r"\\([$%])", r"\1", text)


def _written_out(power: re.Match[str]) -> str:
    value = Decimal(f"{power['plain'] or 1}e{power['power']}")
    return f"{value:0f}"


def plain_fractions(text: str) -> str:
    r"""Writes \frac{3}{4} as 3/4 and 2\frac{3}{4} as 2又3/4, in normalised text."""
    text = re.sub(r"(?<=\d)\s*(?=\\[dtc]?frac)", "又", text)
    return _FRACTION.sub(lambda m: f"{m[1] or m[2]}/{m[3] or m[4]}", text)


def read_number(text: str) -> Quantity | None:
    """Reads text that is one number, perhaps with a currency sign before and a unit behind; None if it is not."""
    text = normalised(text.translate(_FORMAL)).strip(" \n*_").rstrip("。.!*_ \n").lstrip("约≈为是$¥€£ ")
    if len(text) > LONGEST:
        return None
    text = plain_fractions(text)
    text = re.sub(r"\\(?:text(?:bf)?|math(?:rm|bf)|mbox)\s*\{([^{}]*)\}", r"\1", text)
    text = re.sub(r"^\s*\(([^()]*)\)\s*$", r"\1", text)
    text = re.sub(r"\^\s*(?:\\circ|\{\s*\\circ\s*\})", "°", text)
    if (found := NUMBER.match(text)) and _UNIT.fullmatch(text, found.end()):
        return quantity(found)
    if _HALF.fullmatch(text):
        return Quantity((Fraction(1, 2),))
    if (found := _HAN_NUMBER.match(text)) and re.fullmatch(r"[\u4e00-\u9fff]{0,3}", text[found.end() :]):
        return _han_quantity(found)
    for start, end, value in words_in(text):
        if (
            not start
            and re.fullmatch(r"(?: [A-Za-z]{2,12}){0,3}", text[end:])
            and not re.match(" (of|or|and) ", text[end:])
        ):
            return Quantity((Fraction(value),))
    return None


def numbers_in(text: str) -> Iterator[re.Match[str]]:
    """Finds the numbers in normalised text; exponents, indices and digits inside words are none."""
    for found in NUMBER.finditer(text):
        before = text[found.start() - 1 : found.start()]
        if len(found[0]) <= LONGEST and not (before and (before in "^_." or (before.isascii() and before.isalnum()))):
            yield found


_SETTLED = re.compile(r"(?:是|为|得到?|等于|剩下?|剩余|[共有即还=]|需要?|合计|总计)\s*$")
_MEASURES = (
    "个|[千厘分毫]?米|公里|千?克|公?斤|吨|毫?升|元|角|人|只|本|支|张|块|辆|条|头|棵|朵|岁|天|小时|分钟|秒|次|页|箱|袋|瓶"
    "|颗|名|位|件|套|双|排|行|组|份|倍|种|道|题|度"
)
_ALONE = re.compile(rf"\s*(?:{_MEASURES})?(?=[。.,;!\n]|$)")
_COUNTED = re.compile(rf"\s*(?:{_MEASURES})[\u4e00-\u9fff]{{0,4}}(?=[。.,;!\n]|$)")


def han_numbers_in(text: str) -> Iterator[tuple[int, bool, Quantity]]:
    """Finds numbers in Chinese characters, where they are numbers and no words: 十二个, but not 一定, 第三, 万一.

    Yields for each its place, and whether the words before it say that it is a result.
    """
    for found in _HAN_NUMBER.finditer(text):
        said, before, after = found[0], text[max(0, found.start() - 8) : found.start()], found.end()
        settled = _SETTLED.search(before) is not None
        if before.endswith(("第", "统", "唯", "之", "星期", "周")) or len(said) > LONGEST:
            continue
        if len(said.removeprefix("负")) == 1:
            measured = _ALONE.match(text, after) or (said not in "一两十" and _COUNTED.match(text, after))
            if not settled or not measured or said in "百千万亿零":
                continue
        elif "分之" not in said and (said[0] in "百千万亿" or not re.search(r"[十百千万亿点]|\w{4}", said)):
            continue
        read = _han_quantity(found)
        if read:
            yield found.start(), settled, read


def quantity(found: re.Match[str]) -> Quantity | None:
    """What a match of `NUMBER` means; None for a division by zero."""
    top = Fraction((found["over"] or found["plain"]).replace(",", ""))
    under = int(found["under"] or 1)
    if not under:
        return None
    value = int(found["whole"] or 0) + top / under
    if found[0].lstrip().startswith(("-", "负")):
        value = -value
    if not found["scale"]:
        return Quantity((value,), "." in found[0])
    return Quantity((value * SCALES[found["scale"].lower()], value), "." in found[0], found["scale"].lower())


def _han_quantity(found: re.Match[str]) -> Quantity | None:
    if found["under"] == "百":
        value = Fraction(_decimal(found), 100)
        return Quantity((value, value * 100), scale="%")
    under = _han(found["under"]) if found["under"] else 1
    if not under:
        return None
    value = (_han(found["whole"]) if found["whole"] else 0) + _decimal(found) / under
    return Quantity((-value if found["minus"] else value,), bool(found["decimals"]))


def _decimal(found: re.Match[str]) -> Fraction:
    digits = "".join(str(_DIGITS[char]) for char in found["decimals"] or "")
    return _han(found["top"]) + (Fraction(int(digits), 10 ** len(digits)) if digits else 0)


def _han(text: str) -> Fraction:
    """A whole number in Chinese characters; also digit by digit, as in 二〇二四."""
    if not any(char in _PLACES or char in _LARGE for char in text):
        return Fraction(int("".join(str(_DIGITS[char]) for char in text)))
    total = section = digit = 0
    for char in text:
        if char in _DIGITS:
            digit = _DIGITS[char]
        elif char in _PLACES:
            section, digit = section + (digit or 1) * _PLACES[char], 0
        else:
            total, section, digit = (total + section + digit) * _LARGE[char], 0, 0
    last = text[-2:-1]
    tenth = (_PLACES | _LARGE).get(last, 10) // 10  # 三千五 is 3500, but 三千零五 is 3005
    return Fraction(total + section + digit * tenth)
