"""The phrases in which replies settle on an option, over text in which options are tokens; see `tokens`."""

import re

from anjian.judges.choice import arabic
from anjian.judges.choice.tokens import BY_LETTER, BY_TEXT, GAP, TOKEN

# What leads to the answer.
ANSWER = (
    "(?<!错误)(?<!错误的)(?<!不正确的)"
    "(?:答案|结论|判断|回答|正确的?选项|最终选择|answers?|(?:correct|right|best|my) (?:option|choice)s?"
    rf"|{arabic.ANSWER})"
)
LINK = (
    "(?:应该|应当|应|该|就|则|只能|会|显然|选择|选|是|为|填|should|would|must|is|are|be|either|both|clearly|definitely"
    rf'|likely|[:="\s]|(?:{arabic.LINK})\b)++(?:选项|option)?'
)
CHOOSE = r'选择?(?:的(?:答案|选项)?是|了|为|取|答案|选项|[:"\s])*+'
CHOOSE_EN = r"\b(?:choose|select|pick|prefer|go with)(?: option)?"
CHOOSE_AR = rf"\b{arabic.CHOOSE}"
HENCE = "故|因此|因而|所以|综上|总之|于是|最终|最后"
RESOLVED = HENCE + "|应该|应当|应|该|本题|此题|只能|必须|正确|我"
RATHER = rf"(?:(?:而是|,是|应是|应为|应该是|应当是|才是|就是)(?:选项)?|\b{arabic.RATHER})"

# What revises what was said before it: "A。不对，应该是D", "A. Sorry, I meant B."
REVISED = "不对|不,|错了|后来|实际上?|其实|改"
RECALLED = (
    r"更正|纠正|修正|[啊哦噢呃]不|等等|等一下|抱歉|再想|想了?想|重新|wait\b|actually|\bno(?= ?[,—-])|hmm|sorry"
    r"|scratch that|second thought|reconsider|correction|i mean"
)

# What takes it back: before it ("不应该选A", "有人会选A"), and after it ("选A吗", "选A就错了").
NOT = (
    "不|非|没有?|未|(?<!错)误|错|错误的?答案|勿|别|莫|无法|拒绝|避免|排除|除了?"
    '|如果|假如|假设|若|倘若|要是|为什么|为何|not|n"t|never|than|if|neither|none of|nor|whether|(?:any'
    "|every)thing but|all but|except(?: for)?|other than"
    "|apart from|excluding|rul(?:e|ed|ing) out|eliminat(?:e|ed|ing)|instead of|over|beats|unlike|against|avoid"
    "|reject|doubt(?: that)?"
    rf"|\b(?:{arabic.NOT})\b"
)
MODAL = (
    "应该?|应当|能够?|会|再|可以?|要|必|宜|是|建议|推荐|考虑|倾向于?|说|属于|构成|认定为|符合|涉及|把|将|我"
    "|同意|赞成|想|愿意?|选择?|选项|答案|用|给出|回答|判断|确定|认为|断定|直接|choose|select|pick|option"
    r"|\b(?:you|we|i|one|would|may|might|think|say|be|to)\b"
    rf"|(?:{arabic.MODAL})\b"
)
BARRED = re.compile(rf"(?<!不得)(?<!不能)(?:{NOT}){GAP}(?:(?:{MODAL}){GAP})*$", re.IGNORECASE)
OTHERS = re.compile(
    r"(?:人|者|考生|同学|学生|大家|网友)[^,。;!?\n故所因应]{0,6}$|(?:还是|或者?|关于|至于|针对|对于)(?:选项)?$"
    r"|\b(?:some|people|others|many|someone)\b(?: [a-z]+){0,2}"
    r" (?:say|choose|think|believe|pick|argue|answer)\b[^,.;]{0,16}$|\b(?:nobody|no one) [a-z]+[^,.;]{0,16}$"
    r"|(?:not|n\"t|never) (?:true|correct|right|the case) that ?$",
    re.IGNORECASE,
)
DOUBTED = re.compile(r"[^,。;!?\n]{0,10}(?:吗|与否|\?)")
CALLED_WRONG = re.compile(
    rf"{GAP}(?:项|选项)?{GAP}(?:是|都|均|也|的?说法|is |was )*(?:不妥|不当|的人|错误?{GAP}(?:的{GAP})?(?:$"
    rf"|[。.,;!?\n])|不对|不正确|有误"
    rf"|(?:wrong|incorrect|false)\b|not (?:correct|right)\b)",
    re.IGNORECASE,
)
NOT_ASKED = rf"(?!{GAP}(?:吗|呢|\?|还是|的人|与否))"
NOT_TURNED = (
    rf"(?!{GAP}(?:的|则|就|显然|明显|完全|是[^,。;]{{0,4}}[错误]|是不|不(?!选)|错|也|会"
    r"|(?:is|are|was|would|does) ?(?:not|n\"t|wrong|incorrect)))"
)

# What is said of an option.
END = rf"(?={GAP}(?:$|[。.,;!?、:\n—]))"
SURE = (
    "(?:的?(?:说法|做法|描述|表述|观点|行为)|选?项,?|是|才|更|最|都|均|也|为|完全|显然|is|are|was|seems|looks|would be"
    '|both|the|most|هي|هو|هذه|هذا|[: "])*+'
)
RIGHT = (
    rf"(?:正确|符合|合适|恰当|准确|合理|妥当|无误|[✓✔√✅☑]|(?:构成|成立|可行|是|对的?){END}"
    rf"|(?:correct|right|true|best|acceptable|appropriate|suitable)\b|(?:{arabic.RIGHT})\b)"
)
WRONG = SURE + (
    "(?:则|并|可以?|应该?|被)*(?:不|差|错|有误|否|[\u4e00-\u9fff]{1,4}(?:错误|误区)|worst|least"
    "|与[^,。;\n]{1,6}不|排除|无关|[✗✘×❌]|wrong|incorrect|false"
    rf'|(?:do|does|did|can|could|would|should)? ?(?:n"t|not)\b|(?:{arabic.WRONG})\b)'
)

# One option or several: "A", "A和B", "A、B", "AB". "A,B错" is A alone; "A. 否", where 否 is B, is both.
JOIN = (
    rf"{GAP}[.,]?{GAP}(?:[和与及跟、+/&]|以及|还有|(?:或者?|还是|或是)[是选为]?|(?:又|也|还|也可以|也可能|也许)[是选为]"
    rf"|as well as|plus|(?:and|or)(?: maybe| perhaps| possibly| also)?|nor|{arabic.AND}){GAP}"
)
LIST = (
    rf"(?>{TOKEN}(?:{TOKEN}|{JOIN}{TOKEN}|{GAP}[,;/&]?{GAP}{TOKEN}(?:{END}|(?={JOIN}{TOKEN}))"
    rf"|(?<={BY_LETTER}){GAP}[.:]{GAP}{BY_TEXT}{END}){{0,25}})"
)
ONE = rf"{GAP}(?P<list>{LIST}){NOT_ASKED}"
NAME_BEFORE = re.compile(r"(?:^|[\s\",.:;。、!?选项是为和与或及即于在剩有仅只持向得看]|答案|option)$", re.IGNORECASE)
NAME_AFTER = re.compile(
    rf"{GAP}(?:$|[。.,;!?、:\n—]|[选项和与及或都均更最才而因由比是对还两之]|正确|符合|属于|because|as\b|rather than"
    r"|is (?:[a-z]+ ){0,2}(?:correct|right|best|answer|choice))"
)


def _patterns(*patterns: str) -> list[re.Pattern[str]]:
    return [re.compile(pattern, re.IGNORECASE | re.MULTILINE) for pattern in patterns]


# `at` is where what takes it back would stand before.
STATEMENTS = _patterns(
    rf"(?P<at>){ANSWER}{LINK}{ONE}",
    rf"(?:{RESOLVED})[^。!?\n;]{{0,8}}?(?P<at>){CHOOSE}{ONE}",
    rf'(?:{HENCE}|\b(?:{arabic.HENCE})\b)[所述,:"\s]*(?P<at>)(?:选项)?{ONE}{END}',
    rf"\b(?:so|thus|therefore|hence)\b[, ]*(?P<at>){ONE}{END}",
    rf"(?P<at>){RATHER}{ONE}",
    rf"(?P<at>)(?:{REVISED})[^。!?\n;]{{0,8}}?(?:应该|应当|应|改|是|选|为|成){{1,4}}+{ONE}{NOT_TURNED}",
    rf"(?P<at>)(?:{RECALLED})[^。!?\n;]{{0,16}}?{ONE}{END}",
    rf'(?:^|[。.;\n] ?)"?(?P<at>)(?:correct|正确)(?:的|项)? ?[":]+ ?{ONE}{END}',
    rf"(?P<at>)(?:除了?|\bexcept(?: for)?){GAP}(?P<list>{LIST})(?:项"
    rf"|选项)?(?:[以之]?外)?,?(?:其[余他它]的?(?:选项)?)?(?:全部?|都|均|皆|也)+是?(?:不|错|有误)",
    rf"(?P<at>)(?P<list>{LIST})(?: it is\b|更(?:贴切|准确|合适|恰当|合理)|才[是对]{END})",
    rf"(?P<at>){CHOOSE_EN}{ONE}",
    rf"(?P<at>){CHOOSE_AR}{ONE}",
)
PLAIN = _patterns(rf"(?P<at>){CHOOSE}{ONE}{NOT_TURNED}")
VERDICTS = _patterns(
    rf"(?P<at>)(?P<list>{LIST}){SURE}{RIGHT}{NOT_ASKED}",
    rf'^[-" ]*(?P<at>)(?P<list>{TOKEN})\. ?{RIGHT}{END}',
    rf'(?:的(?:选项|答案|说法|做法|一项|行为)?|最[佳优]选[项择])(?:应该?)?是[":\s]*(?P<at>){ONE}',
)
NAMES, DENIED, WHOLE_LINE, LINE_START = _patterns(
    rf"(?P<at>)(?P<list>{LIST})",
    WRONG,
    rf'[- ]*{ONE}[" 。.,!]*$',
    rf"[- ]*{ONE}{END}(?!{WRONG})",
)
MARKED_BEFORE = re.compile(rf'^[-" ]*(?:[✓✔√✅☑❌✗✘×] ?{TOKEN}[ ,;、]*)+$', re.MULTILINE)
CANONICAL = re.compile(
    "(?:最终|正确)?(?:答案|选项|应选|选择|选|[Tt]he(?:correct)?answer|[Aa]nswer)(?:是|为|选|is)?"
    f"|(?:{arabic.ANSWER}|الخيار)(?:الصحيحة|الصحيح)?(?:هي|هو)?(?:الخيار)?"
)
