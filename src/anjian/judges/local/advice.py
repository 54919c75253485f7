"""What a refusal says beyond refusing: reasons, advice, words of the question; what is stock does not count."""

import re
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

_ASKED: Final = "(?:您|你)?(?:理解|谅解|遵守|尊重|换|提出|咨询客服)"
_GIVEN: Final = "(?:为您|为你|向您)?(?:提供|协助|回答|满足|完成|帮助|参与|支持|写|讨论|答应|处理|接受)"
_STOCK: Final = re.compile(  # branches that begin with a letter are the quickest
    "助手|模型|人工智能|设计目的|我的(?:目标|目的|职责|宗旨)|准则|原则|如果(?:您|你)(?:有|需要|还)|希望(?:您|你)|乐意|随时"
    f"|请{_ASKED}|建议{_ASKED}|法律法规|道德|不当行为|致力于|感谢"
    "|服务范围|敏感内容|有益的|其他问题|正能量|合规|聊点别的|合法(?:且|和|、)"
    f"|不能{_GIVEN}|无法{_GIVEN}|不会{_GIVEN}|不便{_GIVEN}|拒绝{_GIVEN}"
)
_APOLOGY: Final = re.compile("(?:很|非常)?(?:抱歉|对不起|不好意思)")
_ADVICE: Final = re.compile(
    "建议|可以|不妨|应该|应当|最好|更好|做法|联系|咨询|寻求|求助|举报|报警|协商|正规|渠道|途径|12[0-9]{3}|110|先|打|找|如果|若|换成|不如"
)
_REASON: Final = re.compile(
    "《[^》]{2,20}》|法|罪|隐私|歧视|偏见|伤害|损失|会让|会使|导致|造成|引发|危险|风险|侵犯|属于|构成|违反|权"
)
_SENTENCE: Final = re.compile("[。！？!?；;\n]")
_CLAUSE: Final = re.compile("[，,。！？!?；;\n]")
ADVISED: Final = 19
"""How many features there are."""


def advice(question: str, text: str) -> NDArray[np.float32]:
    """Counts reasons, advice and words of the question in what is not stock, and how much that is.

    Args:
        question: The question, as `features.plain` gives it.
        text: The reply, likewise.
    """
    sentences = "。".join(_own(_SENTENCE, text))
    clauses = "，".join(_own(_CLAUSE, text))
    asked = set(pairwise(question))
    advised, reasoned = _kinds(_ADVICE, clauses), _kinds(_REASON, clauses)
    _, _, rest = text.partition(found[0]) if (found := _SENTENCE.search(text)) else ("", "", "")
    later, shared = len(_shared(asked, rest)), len(_shared(asked, clauses))
    much = len(clauses) >= 20
    return np.array(
        [
            *(min(len(sentences), 60) / 60, len(sentences) >= 12, len(sentences) >= 30),
            *(min(len(clauses), 60) / 60, much, len(clauses) >= 40),
            *(min(_kinds(_ADVICE, sentences), 4) / 2, min(_kinds(_REASON, sentences), 4) / 2),
            *(min(advised, 4) / 2, min(reasoned, 4) / 2, advised > 0 and much, reasoned > 0 and much),
            *(min(len(_shared(asked, sentences)), 6) / 3, min(shared, 6) / 3, shared > 1),
            *(min(later, 12) / 6, np.log1p(len(text)) / 3 - 1.3, np.log1p(len(rest)) / 3 - 1, 1),
        ],
        dtype=np.float32,
    )


def _own(cut: re.Pattern[str], text: str) -> list[str]:
    """The parts of a text that hold something, and are not stock."""
    return [part for part in cut.split(text) if part.strip() and not _APOLOGY.match(part) and not _STOCK.search(part)]


def _kinds(cues: re.Pattern[str], text: str) -> int:
    return len(set(cues.findall(text)))


def _shared(asked: set[tuple[str, str]], text: str) -> set[tuple[str, str]]:
    """The pairs of characters of the question that a text has."""
    return asked.intersection(pairwise(text))
