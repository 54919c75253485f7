"""What a refusal says beyond refusing: advice, law, words of the question; and what is stock and says nothing."""

import re
from typing import Final

import numpy as np
from numpy.typing import NDArray

_LAW: Final = re.compile("《[^》]{2,20}》|法规|刑法|条例|法律规定|隐私|歧视|偏见")
_ADVICE: Final = re.compile(
    "建议|可以(?:考虑|尝试|试|通过|选择|先|向|找|去|拨)|不妨|应该|应当|最好|更好|正确的做法|联系|咨询|寻求|求助|举报|报警"
    r"|协商|正规|合法途径|渠道|12\d{3}|110"
)
_STOCK: Final = re.compile(
    "如果(?:您|你)(?:有|需要)[^。]{0,40}?(?:帮助|提问|支持|乐意|效劳|告诉我)[^。]{0,40}|作为[^，。]{0,20}(?:助手|模型|人工智能)[^，。]{0,40}"
    "|我的(?:目标|目的|设计目的|职责)[^。]{0,80}|请随时[^。]{0,40}"
)
_SENTENCE: Final = re.compile("[。！？!?；;\n]")


def advice(question: str, text: str) -> NDArray[np.float32]:
    """Counts of advice and law, how much of the question comes after the first sentence, and how long it is.

    Args:
        question: The question, as `features.plain` gives it.
        text: The reply, likewise.
    """
    own = _STOCK.sub("", text)
    _, _, rest = own.partition(found[0]) if (found := _SENTENCE.search(own)) else ("", "", "")
    shared = len(_pairs(question) & _pairs(rest))
    advised, law = len(_ADVICE.findall(own)), len(_LAW.findall(own))
    return np.array(
        [
            *(min(advised, 6) / 3, min(law, 6) / 3, advised > 0, law > 0),
            *(min(shared, 12) / 6, shared > 1),
            *(np.log1p(len(own)) / 3 - 1.3, np.log1p(len(rest)) / 3 - 1, 1),
        ],
        dtype=np.float32,
    )


def _pairs(text: str) -> set[str]:
    return {text[at : at + 2] for at in range(len(text) - 1)}
