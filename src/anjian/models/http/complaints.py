"""What a server complains of: which of the things that were sent it does not take, in whatever words it says so."""

import re
from collections.abc import Iterator
from typing import Any

from anjian.models.http.wire.reading import decode_text, read_json

BUDGETS = ("max_tokens", "max_completion_tokens")
_ANY = re.IGNORECASE | re.DOTALL
NAMES: dict[str, re.Pattern[str]] = {
    "stream_options": re.compile(r"stream_?options|include_?usage", re.IGNORECASE),
    "response_format": re.compile(
        r"response[_ ]?format|json[_ ]?(?:schema|object|mode)|structured[_ ]?output|guided[_ ]|grammar|\bschema\b"
        r"|结构化输出",
        re.IGNORECASE,
    ),
    "logprobs": re.compile(r"log_?probs?|log[- ]probabilit|对数概率", re.IGNORECASE),
    "temperature": re.compile(
        r"(?<![a-z_])temperature(?![a-z_])|(?<![a-z_])temp(?![a-z_])(?! (?:file|dir))|greedy|温度|贪[婪心]",
        re.IGNORECASE,
    ),
    "top_p": re.compile(r"(?<![a-z_])top[_ -]?p(?![a-z_])|nucleus|核心?采样", re.IGNORECASE),
    # With small letters alone and nothing beside it, or with what is said of parameters: models are named Seed, too.
    "seed": re.compile(
        r"(?<![\w-])seed(?![a-zA-Z0-9_-])|随机数?种子|种子(?:参数|值|不|未)"
        r"|(?i:(?<!doubao )(?<!doubao-)(?<!bytedance )(?<!model )\b(?:random[ _])?seeds?\b\W{0,2}"
        r"(?:is|are|must|should|param\w*|values?|not|un\w+|cannot|can't|may|field|option|不|参数)\b)"
    ),
    "max_tokens": re.compile(
        r"max_?(?:completion_?|new_?|output_?|gen\w*_?)?tokens|num_predict|max\w*length"
        r"|(?:completion|output|generated|new|response|reply) (?:tokens?|length)|最大\w{0,6}(?:token|长度)"
        r"|(?:输出|生成|回复|回答)\w{0,3}\s*(?:token|长度)|token\s*(?:数|上限|个数)",
        re.IGNORECASE,
    ),
}
"""How each thing that may be sent is named in errors."""

_STREAM = re.compile(
    r"non[- _]?stream|without (?:a )?stream|not (?:a )?streaming|stream\W{0,4}(?:is |=|:)?\W{0,3}false"
    r"|\bonly\b[^.。]{0,50}\bstream|\bstream\w*[^.。]{0,30}\bonly\b"
    r"|(?:must|should|need|require[sd]?|please|enable|set|use)\b[^.。]{0,50}\bstream"
    r"|\bstream\w*\b[^.。]{0,40}(?:must|required?|mandatory|need|should|enabled|\btrue\b)"
    r"|非流|(?:仅|只|必须|需要?|请|应)[^。]{0,16}流(?:式|模式|输出)|流(?:式|模式)[^。]{0,8}(?:必须|调用)"
    r"|(?:仅|只|必须|需要?|请|应)[^。]{0,16}stream|stream[^。]{0,16}(?:必须|需要?|应)"
    r"|\bsse\b|server[- ]sent|event[- _]?stream|\bunary\b|\bblocking (?:mode|calls?|requests?|responses?)"
    r"|(?<![a-z])synchronous[^.。]{0,40}(?:not|unsupported|disabled|unavailable)|(?:not|no)\b[^.。]{0,20}(?<![a-z])synchronous"
    r"|(?<!异)同步(?:模式|调用|请求|接口|方式|输出|返回)?[^。]{0,8}(?:不|未|关闭|禁)|(?:不|未)[^。]{0,4}同步"
    r"|incremental[_ ](?:output|response|mode)|增量(?:输出|返回|模式)|一次性(?:返回|输出)",
    _ANY,
)
_BOTH = re.compile(
    r"both|\beither\b|only one|one of|together|simultaneous|conflict|mutually|exclusive"
    r"|同时|其一|二选一|冲突|互斥|共用",
    re.IGNORECASE,
)
_ROLES = re.compile(
    r"\b(?:system|developer)\W{0,2}(?:role|message|prompt|instruction)|\broles?\b|alternat|jinja|chat[_ ]?template"
    r"|raise_exception|[\"'`‘“]system[\"'`’”]|[\"'`]developer[\"'`]|角色|系统(?:消息|提示|指令|角色)|不支持\W*system"
    r"|\bsystem\b.{0,16}(?:不支持|not (?:support|allow|accept|permit|enabl))"
    r"|\b(?:first|1st|initial|leading) (?:message|turn|entry|item)|(?:start|begin|open)\w* with (?:an? |the )?\W?user"
    r"|from (?:the )?\W?user\b|(?:第一|首)(?:条|轮|个|句)|以\W?(?:user|用户)\W?(?:开|起)|必须(?:是|为)\W?(?:user|用户)"
    r"|\bmessages?\b[^.。]{0,12}(?:invalid|illegal|malformed|format|order|参数|格式|非法|有误|顺序)"
    r"|invalid messages?\b",
    _ANY,
)
_VAGUE = re.compile(
    r"sampling[_ ](?:param|setting|option|config|control|argument)"
    r"|采样(?:参数|设置|配置|策略|选项)|(?:生成|解码|推理)参数"
    r"|(?:generation|decoding)[_ ](?:param|config|setting|option)"
    r"|(?:unknown|unexpected|unrecognized|extra|unsupported|forbidden)[_ ](?:param|field|argument|key|propert|input)"
    r"|param(?:eter)?s? (?:error|invalid)|(?:invalid|illegal|bad|wrong|unsupported|requested)[_ ]?param|\b1210\b"
    r"|invalid[_ ]?argument|参数(?:有误|错误|非法|不合法|无效|异常|校验)",
    re.IGNORECASE,
)
_OF_THE_MODEL = re.compile(r"\bmodel\b.{0,60}(?:exist|found|available)|模型.{0,10}不存在|invalid model", _ANY)
_LIMIT = re.compile(
    r"too (?:large|big|high|long|many)|range|exceed|less than|at most|between|no more|not more|maximum|greater|larger"
    r"|\bup to\b|limit|\bcap(?:ped)?\b|ceiling|above|beyond|\bover\b|(?<!-)[>＞]=?\s*(?:\d|model|max|limit|the\b)"
    r"|<=|≤|超限|过[大长高多]|"
    r"超过|超出|范围|大于|小于|不能|上限|取值|最大|\[\s*\d+\s*[,，]\s*\d+\s*\]",
    re.IGNORECASE,
)
_INSTEAD = re.compile(
    r"\b(?:use|try|set|specify|replace\w*)\b[^.;]{0,60}\binstead\b|\binstead of\b|请使用\W*\w+|改用\W*\w+"
    r"|\b(?:supported|valid|allowed|available|accepted|permitted)\s+(?:param\w*|values?|options?|fields?|keys?|args?"
    r"|arguments?)\b.*|支持的参数.*",
    _ANY,
)
_CROWDED = re.compile(r"context|max_model_len|上下文", re.IGNORECASE)
_CONTEXT = re.compile(
    r"(?:context (?:length|window|size)|max_model_len|上下文)\D{0,40}(\d{1,9})(?!\d)"
    r"|(?<!\d)(\d{1,9})(?!\d)\W{0,3}tokens? context",
    _ANY,
)
_PROMPT = re.compile(
    r"(?<!\d)(\d{1,9})(?!\d)\W{0,3}(?:tokens? )?(?:in the (?:messages|prompt)"
    r"|(?:from|of|in) the (?:input|messages|prompt)|input tokens"
    r"|prompt tokens|in your prompt)",
    _ANY,
)
_ECHOES = {"input", "messages", "ctx", "url", "model", "object", "request_id", "id", "prompt", "doc_url", "help"}
_SENT = re.compile(r"temperature|top_?p|seed|max_\w*tokens|response_format|stream|system|role", re.IGNORECASE)
"""Keys under which a complaint may stand; an echo of what was sent has numbers there."""
_LONGEST = 20_000
_ID = re.compile(r"\b(?=\w*\d)(?:[0-9a-f]{4,}-)+[0-9a-f]+\b|\b(?=\w*[a-z])(?=\w*\d)\w{16,}\b", re.IGNORECASE | re.ASCII)


def words_of(body: bytes) -> str:
    """All that an error says, the name of the parameter first if there is one, on one line."""
    text = decode_text(body[:_LONGEST])
    try:
        value = read_json(text)
    except ValueError:
        return " ".join(text.split())
    param = _param(value)
    return " ".join([param, *_strings(value, 0)]).replace("\\", "")


def alike(words: str) -> str:
    """The words without what differs from call to call, to see whether a complaint is the same as before."""
    return re.sub(r"\d+(?:\.\d+)?", "0", _ID.sub("", words))


def named_in(words: str) -> list[str]:
    """What the words name, the first one first; what they advise instead does not count."""
    blamed = _INSTEAD.sub(" ", words)
    found = {name: match.start() for name, pattern in NAMES.items() if (match := pattern.search(blamed))}
    return sorted(found, key=found.__getitem__)


def wants_stream(words: str) -> bool:
    """True if the model answers in streams only."""
    return bool(_STREAM.search(words))


def wants_one_of_both(words: str) -> bool:
    """True if temperature and top_p are not taken at once."""
    return bool(_BOTH.search(words) and NAMES["temperature"].search(words) and NAMES["top_p"].search(words))


def blames_roles(words: str) -> bool:
    """True if the roles of the messages are at fault, or the template that cannot say them."""
    return bool(_ROLES.search(words))


def is_vague(words: str) -> bool:
    """True if some parameter is at fault, and the words do not say which."""
    return bool(_VAGUE.search(words)) and not _OF_THE_MODEL.search(words) and not named_in(words)


def speaks_of_context(words: str) -> bool:
    """True if prompt and reply together are too long."""
    return bool(_CROWDED.search(words))


def speaks_of_limit(words: str) -> bool:
    """True if a number is too large, rather than a name unknown."""
    return bool(_LIMIT.search(words))


def limit_in(words: str, sent: int) -> int | None:
    """The longest reply that the words allow: the largest number below what was sent; None if there is none."""
    where = NAMES["max_tokens"].search(words)
    text = _ID.sub("", words[max(0, where.start() - 60) :] if where else words)
    text = re.sub(r"(?<![\d\[(（])(\d{1,3})((?:,\d{3})+)(?![\d,])", lambda m: m[1] + m[2].replace(",", ""), text)
    text = re.sub(r"(?<![\w.])(\d{1,4})\s?[kK]\b", lambda m: f"{m[1]}000", text)
    numbers = [int(number) for number in re.findall(r"(?<![\w.-])\d{1,9}(?![\w-]|\.\d)", text, re.ASCII)]
    return max((number for number in numbers if 0 < number < sent), default=None)


def room_in(words: str) -> int | None:
    """Tokens that the context has left beside the prompt, where the words name both; None where they do not."""
    context, prompt = _CONTEXT.search(words), _PROMPT.search(words)
    if not context or not prompt:
        return None
    room = int(context[1] or context[2]) - int(prompt[1])
    return room if room > 0 else None


def _param(value: Any) -> str:
    while isinstance(value, dict):
        if isinstance(value.get("param"), str):
            return str(value["param"])
        value = value.get("error")
    return ""


def _strings(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict) and depth < 8:
        for name, inner in value.items():
            if name.lower() not in _ECHOES:
                if isinstance(inner, str | list) and _SENT.search(name):
                    yield name
                yield from _strings(inner, depth + 1)
    elif isinstance(value, list) and depth < 8:
        for inner in value[:50]:
            yield from _strings(inner, depth + 1)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield str(value)
