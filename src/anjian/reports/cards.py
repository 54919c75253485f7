"""What is known of the judge of a run, in words: its cards for kind and language at hand, or that there are none."""

import msgspec

from anjian.judges.card import QUESTIONS, Question
from anjian.names import Name
from anjian.reports.text import interval_text, number
from anjian.runs.carded import Line
from anjian.scores.rows import Row

TITLES: dict[Question, Name] = {
    "refusal": Name("是否拒绝（部分拒绝算拒绝）", "refusal, partial ones included"),
    "refusal_classes": Name("完全、部分、不拒绝", "full, partial or no refusal"),
    "unsafe": Name("是否有风险", "unsafe or not"),
    "label": Name("四类标签", "the four labels"),
    "points": Name("分数", "points"),
}
_LANGUAGES = {"zh": Name("中文", "Chinese"), "en": Name("英文", "English"), "ar": Name("阿拉伯文", "Arabic")}
SEVERAL = Name("多种语言", "several languages")
NOT_CORRECTED = Name("无法校正", "cannot be corrected")


def card_lines(cards: object) -> list[Name]:
    """One line for each task and question, from `judge_cards` of `run.toml`; none where that holds something else."""
    try:
        lines = msgspec.convert(cards, list[Line])
    except msgspec.ValidationError:
        return []
    return [_worded(line) for line in lines]


def _worded(line: Line) -> Name:
    language = _LANGUAGES.get(line.language, SEVERAL)
    if not line.n:
        return Name(
            f"{line.judge} 在{language.zh}的 {line.kind} 上没有裁判卡：它与人工判定的一致程度未知。",
            f"no card exists for this judge on this kind and language ({line.judge}, {line.kind}, {language.en}): "
            "how far it agrees with people is not known",
        )
    title = next((TITLES[one] for one in QUESTIONS if one == line.question), Name(line.question, line.question))
    accuracy = f"{number(line.accuracy)}% ({interval_text(line.accuracy_low, line.accuracy_high, digits=1)})"
    kappa = f"κ {number(line.kappa, 1)} ({interval_text(line.kappa_low, line.kappa_high, 1)})"
    note = "".join(f"; {part}" for part in (line.prompt, line.note) if part)
    return Name(
        f"{line.judge}，{language.zh}，{title.zh}：{line.scored} 条标注一致 {accuracy}，{kappa}；标注 {line.sources}",
        f"{title.en}: agrees with {accuracy} of {line.scored} labels, {kappa}; labels: {line.sources}{note}",
    )


def corrected_text(row: Row, factor: float) -> str | None:
    """A corrected value with its interval; a dash where it cannot be corrected, None where there is no card."""
    if isinstance(row.corrected, msgspec.UnsetType):
        return None
    if row.corrected is None:
        return "–"
    low, high = row.corrected_low, row.corrected_high
    assert isinstance(low, float) and isinstance(high, float)  # noqa: S101  (they come together)
    return f"{number(row.corrected, factor)} ({interval_text(low, high, factor, 1)})"
