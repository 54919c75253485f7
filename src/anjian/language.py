"""In which language a question is asked, so that what we put around it speaks the same."""

import re
from typing import Literal

Language = Literal["zh", "ar", "en"]

_KANA = re.compile(r"[\u3040-\u30ff]")
_CHINESE = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_ARABIC = re.compile(r"[\u0620-\u064a\u0671-\u06d3]")


def language_of(text: str) -> Language:
    """Chinese or Arabic if a character of theirs stands in the text, however much it quotes; else English.

    Example:
        >>> language_of("“Is it safe?”是什么意思？"), language_of("هل هذا آمن؟"), language_of("Is it safe?")
        ('zh', 'ar', 'en')
    """
    if _CHINESE.search(text) and not _KANA.search(text):
        return "zh"
    return "ar" if _ARABIC.search(text) else "en"
