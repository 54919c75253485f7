"""What Arabic adds to the reader of options: its letters stand for ours, and its phrases lead to an answer.

The letters of a list are those of the old order, أ ب ج د ه و ز ح ط ي. A letter that stands alone, or after the "and"
that is written with it, names an option; inside a word it does not.
"""

import re

LETTERS = "أبجدهوزحطي"
LETTER = r"\u0621-\u064a\u0671-\u06d3"

ANSWER = r"(?:ال)?[إا]جاب(?:ة|ه|تي)|الجواب|جوابي|(?:الخيار|الاختيار)(?= *(?:الصحيح|الأصح|الأنسب|الأفضل))|اختياري"
LINK = "الصحيحة|الصحيح|النهائية|النهائي|الأصح|الأنسب|الأفضل|هي|هو|تكون|ستكون|الخيار|الاختيار|الحرف"
CHOOSE = "(?:سأختار|أختار|اخترت|نختار|أرجح)(?: (?:الخيار|الاختيار|الإجابة|الحرف))*"
HENCE = "لذلك|لذا|وعليه|وبالتالي|بالتالي|إذن|إذًا"
NOT = "ليست|ليس|ليسا|غير|لا|لن|لم|بدون|عدا|لو|إذا|خطأ"
MODAL = "أختار|نختار|يمكن|أعتقد|أن|تكون|هي|هو|الخيار|الإجابة|الجواب|الصحيحة|الصحيح"
RATHER = "بل(?: (?:هي|هو|الخيار))*"
RIGHT = "الخيار الصحيح|الجواب الصحيح|الإجابة الصحيحة|صحيحة|صحيح|الصحيحة|الصحيح|الأصح|الأنسب|الأفضل"
WRONG = "خاطئة|خاطئ|خطأ|غير|ليست|ليس|مستبعدة|مستبعد"
AND = "و|أو|أم"

_ALONE = re.compile(rf"(?<![{LETTER}])(?<!فيتامين )(و?)([{LETTERS}])(?![{LETTER}])")
_MARKS = re.compile(r"[\u064b-\u0652\u0670\u0640\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_SIGNS = str.maketrans("،؛؟٪٠١٢٣٤٥٦٧٨٩۔", ",;?%0123456789.")


def plain(text: str) -> str:
    """Takes out vowel marks, stretched letters and marks of direction; puts signs and digits as we write them."""
    return _MARKS.sub("", text).translate(_SIGNS)


def latin(reply: str, options: int) -> str:
    """Puts our letters for those that stand alone, as many as there are options.

    Example:
        >>> latin("الإجابة: ب", 3)
        'الإجابة: B'
    """

    def put(match: re.Match[str]) -> str:
        place = LETTERS.index(match[2])
        return f"{match[1]}{' ' if match[1] else ''}{chr(ord('A') + place)}" if place < options else match[0]

    return _ALONE.sub(put, reply.replace("ا)", "أ)"))
