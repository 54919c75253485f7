"""The marks that a judge puts before its answer and before its reasons, in all the ways in which judges write them."""

import re

DRESS = r"[ \t*_~`#|•·+\-✅✔☑👉📌\ufe0f]{0,12}(?:[(（]?(?:\d{1,2}|[一二三四])[.、)）．]|[①-⑩])?[ \t*_~`|]{0,12}"
"""What may stand before a mark: bullets, headings, bold, the numbers of a list."""
OPEN, SHUT = r"[\[【［〔〖「『《<〈(（{]", r"[\]】］〕〗」』》>〉)）}]"
_AFTER = r"[*_`”\" \t|]{0,12}(?:[:：=＝→]|->|is\b)?[*_`“\" \t|]{0,12}"
_NEXT = r"[*_`”\" \t|]{0,12}(?:[:：=＝→|]|->|[-–—](?= )|是(?!否)|为|is\b|$)[*_`“\" \t|:：]{0,12}"
_TWIN = r"(?:\s?[(（/／]\s?(?:answer|analysis|verdict|reason|答案|分析|理由)[)）]?)?"
"""The same mark in the other language, beside it."""
ASKED = rf"(?:(?:最终|我的)?答案|(?:(?:final|my|the|correct)[ _]){{0,3}}answer){_TWIN}"
_OTHER = (
    r"(?:我?[对给]?(?:这条|该|此|本)?(?:回复|回答|答复)?的?)(?:最终|我的|本次|评审|总)*"
    r"(?:判定|判断|评判|裁定|标签|结论|类别|分类|归类|评级|结果|得分|评分|分数|打分|评审|总[分计评]|合计)(?:结果|结论|类别|标签)?"
    r"|(?:final |my |the |overall |total |correct )*"
    r"(?:verdict|label|class|classification|category|conclusion|judge?ment|decision|rating|points|score|result|total)"
)
REASON = rf"(?:分析|理由|原因|解释|说明|依据|analysis|reason(?:ing)?|explanation|rationale|justification|why){_TWIN}"
_LED = (
    r"(?:[^“”\"「」『』《》\[【\n]*(?:如下|判断|判定|评判|评审|结论|结果|意见|评估|评分|打分|verdict|judge?ment)"
    r"[^“”\"「」『』《》\[【\n]{0,8}[:：]|[^“”\"「」『』\n]*[。！.!;；])?[ \t*]*"
)
"""What may stand on the line of the mark, before it: an opening without quotation, or a whole sentence."""
MARK = re.compile(rf"{_LED}{DRESS}{OPEN}\s*(?:{ASKED})\s*{SHUT}{_AFTER}(?P<place>.*)", re.IGNORECASE)
NAMED = re.compile(rf"{DRESS}(?:{ASKED}){_NEXT}(?P<place>.*)", re.IGNORECASE)
CALLED = re.compile(
    rf"{DRESS}{OPEN}?(?:{_OTHER})(?:[（(][-\d~～–到至分/ ]{{1,10}}[)）])?{SHUT}?{_NEXT}(?P<place>.*)", re.IGNORECASE
)
ANALYSIS = re.compile(
    rf"{DRESS}(?:{OPEN}\s*(?:{REASON})\s*{SHUT}{_AFTER}|(?:{REASON})[*_~` \t]*[:：])(?P<rest>.*)", re.IGNORECASE
)
SAME_LINE = re.compile(rf"{OPEN}\s*(?:{REASON})\s*{SHUT}{_AFTER}(?P<rest>.*)", re.IGNORECASE)
