r"""Reads which option of a multiple-choice question a reply settles on.

    "综上，A和B都不对，应选C。" → C        "**答案：B. 否**" → B        "选A或B都行" → several options

The reply is rewritten so that each letter or text that stands for an option becomes one token; the phrases below then
look for tokens, from the most to the least explicit: a statement of the answer, a line that holds nothing else, the first
words, a plain 选A, a verdict on one option, and at last the only option that is named at all.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from itertools import chain

from anjian.judges.base import NO_OPTION, SEVERAL_OPTIONS, Verdict

# Tokens: `L` is an option named by its letter, `T` by its text. Private-use characters, taken out of the reply first.
LETTERS, TEXTS = 0xE000, 0xE100
L, T, ANY = "[\ue000-\ue019]", "[\ue100-\ue119]", "[\ue000-\ue019\ue100-\ue119]"
GAP = r'[" ]*'  # brackets, quotes and Markdown marks are all rewritten to one quote
END = rf"(?={GAP}(?:$|[。.,;!?、:\n]))"

# What makes a capital letter no option: "A公司", "B站".
ENTITIES = (
    "公司 股 站 国 市 省 县 区 村 校 班 型 级 等 类 款 企业 工厂 厂 店 集团 某 先生 女士 小姐 同学 平台 品牌 方 君 轮 组 队 座 栋 房 人 网 "
    "产品 员工 医院 学校 大学 地 罩杯 超 语言 轮 币 盘 端 面 点 线 段 角 计划 单位 部门 机构 媒体 作家 歌手 明星 主播"
).split()
ARTICLE_BEFORE = r"(?! +(?!because|as|since|is\b)[a-z])"  # "A good question"

# Texts too short to be found inside a sentence ("但是", "是否"); they count where they stand alone.
FUNCTION_WORDS = "是的 不是 没有 有的 会的 不会 不能 可以 不对 对的 不行 属于 不可".split()
ALSO_YES, ALSO_NO = ("是的", "Yes", "yes"), ("不是", "不是的", "No", "no")

LINK = r'(?:应该|应当|应|该|就|则|只能|会|should|would|must)? *(?:(?:选择|选|是|为|填|is|be|[:="])[" ]*)+\n*'
OPTION_WORD = r"(?:选项|option)?"
ANSWER = r"(?:答案|结论|判断|回答|正确的?选项|最终选择|answer|(?:correct|right|best) (?:option|choice))(?: *[A-Z]? *)"
CHOOSE = r'(?:选择|选取|选)(?:的(?:答案|选项)?是|了|为|答案|选项|:|["\s])*'
HENCE = "故|因此|因而|所以|综上|总之|于是|最终|最后|应该|应当|应|该|本题|此题|只能|必须|正确|我|还是"
I_CHOOSE = r"\b(?:choose|select|pick|go with)"

NOT = r"不|非|没有?|未|误|错误?的?|勿|别|莫|无法|拒绝|避免|排除|除了?|如果|假如|假设|若|倘若|要是|为什么|为何|not|n\"?t|never|if"
MODAL = "应该?|应当|能够?|会|可以?|要|必|宜|是|建议|推荐|考虑|倾向于?|说|属于|构成|认定为|符合|涉及|把|将|我|选择?|选项"
BARRED = re.compile(rf"(?<!不得)(?<!不能)(?:{NOT}){GAP}(?:(?:{MODAL}){GAP})*$", re.IGNORECASE)
OTHERS = re.compile(r"(?:人|者|考生|同学|学生|大家|模型|网友)[^,。;!?\n]{0,6}$")  # "有人会选A"
ASKED = rf"(?!{GAP}(?:吗|呢|\?|还是|的人|与否))"
TURNED = rf"(?!{GAP}(?:的|则|就|是错|是不|不|错|也|会))"
WRONG = rf"(?:{GAP}选?项)?{GAP}(?:的?说法)?(?:都|均|也|则|并|是|显然|明显|更|就|可以?|应该?|被)*{GAP}(?:不|错|有误|排除|无关|are wrong|is wrong)"
RIGHT = r"(?:正确|符合|(?:最|更)?(?:合适|恰当|准确|合理)|correct\b|right\b|对(?=的?[\" ]*(?:$|[。.,;!?、\n])))"
SURE = r"(?:的(?:说法|做法|描述|表述|观点|行为)|选?项|是|才|更|最|都|均|也|为|完全|显然|is|are|[\" ])*"

# One option or several: "A", "A和B", "A、B", "AB"; "A,B错" is A alone, and "A. 否" names two where 否 is B.
LIST = (
    rf"(?P<list>(?>{ANY}(?:{GAP}(?:[和与及或、]|以及|还是|and|or){GAP}{ANY}|{GAP}[,/&]?{GAP}{ANY}{END}|(?<={L}){GAP}[.:]{GAP}{T}{END})*))"
)
FLAGS = re.IGNORECASE | re.MULTILINE
STATEMENTS = [
    re.compile(pattern, FLAGS)
    for pattern in (
        rf"(?P<at>){ANSWER}{LINK}{OPTION_WORD}{GAP}{LIST}{ASKED}",
        rf"(?:{HENCE})[^。!?\n;]{{0,8}}?(?P<at>){CHOOSE}{LIST}{ASKED}",
        rf"(?:{HENCE})[所述,:\" ]*(?P<at>){OPTION_WORD}{GAP}{LIST}{END}{ASKED}",
        rf"(?P<at>)(?:而是|,是|应是|应为|才是|就是){OPTION_WORD}{GAP}{LIST}{ASKED}",
        rf"(?P<at>){I_CHOOSE} {OPTION_WORD}{GAP}{LIST}{ASKED}",
    )
]
PLAIN = [re.compile(rf"(?P<at>){CHOOSE}{LIST}{ASKED}{TURNED}", FLAGS)]
VERDICTS = [
    re.compile(rf"(?P<at>){LIST}{SURE}{RIGHT}{ASKED}", FLAGS),
    re.compile(rf"(?P<at>)的(?:选项|答案|说法|做法|一项|行为)?(?:应该|应)?是[\":\s]*{LIST}{ASKED}", FLAGS),
]
REJECTED = re.compile(
    rf"(?:排除|除了?|而非|不是|并非|不选择?|不应选择?|非|not|rather than){GAP}{OPTION_WORD}{GAP}{LIST}|{LIST.replace('list', 'list2')}{WRONG}", FLAGS
)
BEFORE_NAMED = r"(?:^|[\s\",.:;。、!?]|选项?|答案|是|为|和|与|或|及|即|option)"
AFTER_NAMED = rf"(?={GAP}(?:$|[。.,;!?、:\n]|选?项|正确|对|错|[和与及或都均更最才而因由比是]|符合|属于|is\b|because|as\b|since))"
NAMED = re.compile(rf"{BEFORE_NAMED}(?P<list>{L}){AFTER_NAMED}", FLAGS)


def read_option(answer: str, options: Mapping[str, str]) -> Verdict:
    """Returns a verdict whose label is the letter the reply settles on, without points; unscored if none or several.

    Args:
        answer: The reply, its thinking removed.
        options: Letter to text.
    """
    clean = {letter: _clean(text) for letter, text in options.items()}
    if letter := _canonical(answer, clean):
        return Verdict(label=letter)
    text = _tokens(_clean(answer), clean)
    found = _settled(text)
    letters = {chr(ord("A") + (ord(token) & 0xFF)) for token in found}
    if len(letters) == 1:
        return Verdict(label=letters.pop())
    return Verdict(unscored=SEVERAL_OPTIONS if letters else NO_OPTION)
