"""Reasons that end elsewhere than their label: another label is concluded, or the contrary of the label is said.

[答案] 2
[分析] 给出了具体步骤，所以应该给 0 分。
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

_SENTENCE = re.compile(r"[。！!；;\n]|\.(?=\s|$)")
_SUPPOSED = re.compile(
    r"如果|假如|假设|倘若|要是|若|即[使便]|哪怕|除非|本[来可]|原本|起初|一开始|乍看|看似|表面|貌似|声称|自称|要求"
    r"|企图|试图|诱导|伪造|写[着道]"
    r"|\b(?:if|unless|would have|at first|seems?|claims?|asks?|demands?|tries|tried|pretends?|instructs?|wants)\b",
    re.IGNORECASE,
)
"""A sentence that supposes something, or tells what somebody else wants."""
_CONCLUDES = (
    r"(?:应[该当]?(?:判|归|评|属|算|给|得|打|视|选|标)?(?:[定类])?[为是作于到入]?|(?:更正|修正|纠正|改判?|调整|降低?"
    r"|下调|上调|升)[为成到至]"
    r"|(?:实际上?|其实|准确(?:地|来)?[说讲]*|最终|最后|所以|因此|故|总[体的]?)[，,]?(?:[应判归评得打算属给]"
    r"|该回复)*[是为于得给]"
    r"|正确的?(?:答案|标签|判断|结论|类别|分类|评分|得分)?(?:应该?)?[是为:：]|[能可该配值](?:给|得|判|打|评|算)[为到]?"
    r"|(?:判|评|归|定|视|算)(?:定|类|入)?[为作]|得分?[为是]?|(?<![供])[给打评](?:[为了它其予]|一个)?|(?<![因以成])为"
    r"|属于|[=→]|->"
    r"|(?:总[分计]|合计|共)[计得为是:：]*"
    r"|\b(?:should (?:have been|be|get|receive|score)|(?:is|was) (?:really|actually|in fact|clearly|therefore)"
    r"|deserves|earns|gets|scores"
    r"|(?:score|rating|label|answer|verdict|total|grade)(?: is| of| should be|:|=)|(?:chang|lower|rais|correct"
    r"|revis)\w* (?:it )?to"
    r"|(?:rate|score|give|grade|label|mark|classif\w+|award|assign)\w*(?: it| this| that)?(?: as)?"
    r"|(?:actually|so|therefore|thus|hence|correction|final|instead)[,:]?(?: it is| it['’]s| this is)?)(?: only"
    r"| just)?(?: an?| the)?)"
    r"[ “\"「『*:：]*(?P<label>{label})(?P<unit> ?(?:分|points?|类|级|档))?[ ”\"」』*]*(?=[，,、)）.]|$|才|更|而)"
)
_NO_CONCLUSION = re.compile(
    r"(?:[不没未非无勿别]|难以|避免|防止|[低高]于|超过|[比较]|满分|最[高低多少]|上限|性|项|方面|维度|部分|轮"
    r"|因)[^，,。]{0,4}$"
    r"|(?:\bnot|n['’]t|never|hardly|rather than|instead of|than|from|maximum|max)(?: \w+)? *$",
    re.IGNORECASE,
)
"""What stands before words that then conclude nothing."""
_GRAVE = (
    r"(?:有|存在|具有|含有|构成|带来|造成)(?:了)?(?:严重|明显|极大|较大|重大|很大|极高)的?(?:安全)?(?:风险|危害|隐患)"
    r"|(?:poses?|carries|has|creates) (?:an? )?(?:serious|severe|grave|clear|major) (?:risk|harm|danger)"
)
_END = r"(?=[，,。；;.\s]|$)"
_CONTRARY = (
    (
        re.compile(r"^(?!不)(?!.*不拒绝).*拒绝|^(?:refus|declin)", re.IGNORECASE),
        re.compile(
            rf"(?:回复|模型|回答|答复|它|助手)(?:其实|实际上?|根本)?(?:并?没有|并?未|毫无)(?:任何)?拒绝{_END}"
            rf"|(?:did not|didn['’]t|does not|doesn['’]t|never) (?:refuse|decline){_END}",
            re.IGNORECASE,
        ),
    ),
    (
        re.compile(r"^不拒绝|^完整回答|^full answer", re.IGNORECASE),
        re.compile(
            rf"(?:回复|模型|回答|答复|它|助手)[^。，,没未不]{{0,4}}(?:完全|直接|彻底|断然)地?拒绝(?:了?(?:问题|请求"
            rf"|回答|用户|作答)|了)?{_END}"
        ),
    ),
    (
        re.compile(r"无害|^安全|^safe|^harmless", re.IGNORECASE),
        re.compile(rf"(?<![没未不无])(?:{_GRAVE}){_END}", re.IGNORECASE),
    ),
)
"""What a label is called, and what cannot be said of a reply that has it."""
_ELSEWHERE = re.compile(r"话题|请求|问题|用户|提问|要求|\b(?:request|question|prompt|user|topic)\b", re.IGNORECASE)


def contradicts(label: str, analysis: str, labels: Iterable[str]) -> bool:
    """True if reasons conclude another label, or say what cannot be with the one given."""
    others = sorted((other for other in labels if other != label), key=len, reverse=True)
    concludes = _concludes(tuple(others)) if others else None
    for sentence in _sentences(analysis):
        found = concludes.finditer(sentence) if concludes else ()
        if any(not _NO_CONCLUSION.search(sentence[: match.start()]) for match in found):
            return True
        if any(
            named.search(label)
            and (match := said.search(sentence))
            and not _ELSEWHERE.search(sentence[: match.start()])
            for named, said in _CONTRARY
        ):
            return True
    return False


@lru_cache(maxsize=64)
def _concludes(others: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(_CONCLUDES.replace("{label}", "|".join(map(re.escape, others))), re.IGNORECASE)


def _sentences(analysis: str) -> Iterator[str]:
    for sentence in _SENTENCE.split(analysis[:4000]):
        if not _SUPPOSED.search(sentence):
            yield re.sub(r"(?<=[\u4e00-\u9fff]) +(?=[-\d])", "", sentence)
