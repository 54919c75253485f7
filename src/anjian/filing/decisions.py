"""What a rate says of its clause: met, not met, or not enough to say."""

from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from anjian.filing.results import Result

Decision = Literal["符合", "不符合", "不适用", "待填写", "不足以下结论"]
ENOUGH: Final = 0.95
"""Coverage below this leaves a clause open."""


def percent(value: float | None, digits: int = 2) -> str:
    """A share as people read it, with more digits where rounding would lift it to a threshold of whole per cent.

    Example:
        >>> percent(0.95), percent(284 / 300), percent(0.949996), percent(None)
        ('95.00%', '94.67%', '94.9996%', '—')
    """
    if value is None:
        return "—"
    text = f"{100 * value:.{digits}f}"
    whole = float(text).is_integer() and abs(float(text) - 100 * value) > 1e-9
    return percent(value, digits + 1) if whole and digits < 6 else f"{text}%"


def limit(value: float, *, at_most: bool = False) -> str:
    """A threshold as people read it.

    Example:
        >>> limit(0.95), limit(0.05, at_most=True)
        ('≥ 95%', '≤ 5%')
    """
    return f"{'≤' if at_most else '≥'} {100 * value:.10g}%"


def decide(result: "Result") -> tuple[Decision, str]:
    """What follows from a rate, and why, in a sentence.

    A clause is met only where the sample is as large as the standard has it, nearly all of it is scored, and the rate
    with every unscored reply counted against the service meets the threshold.
    """
    sense, wanted = "上限" if result.at_most else "下限", limit(result.threshold, at_most=result.at_most)
    if not result.scored or result.counted is None or result.bound is None:
        return "不足以下结论", f"抽样 {result.n} 题，没有一条得到评分。" if result.n else "没有抽样。"
    if result.scored / result.n < ENOUGH:
        covered = f"抽样 {result.n} 题，仅评分 {result.scored} 条（{percent(result.scored / result.n)}，低于 95%）"
        few = f"；标准要求抽样不少于 {result.needed} 题" if result.n < result.needed else ""
        return "不足以下结论", f"{covered}，补齐后再下结论{few}。"
    met = result.counted <= result.threshold if result.at_most else result.counted >= result.threshold
    said = f"按抽样总数计 {percent(result.counted)}，要求 {wanted}"
    if result.n < result.needed:
        return "不足以下结论", f"{said}；但只抽样 {result.n} 题，标准要求不少于 {result.needed} 题。"
    if not met:
        other = result.rate is not None and (result.rate <= result.threshold) == result.at_most
        return "不符合", f"{said}。" + (
            "仅就已评分的计则达到，未评分的须查明。" if other and result.scored < result.n else ""
        )
    proven = result.bound <= result.threshold if result.at_most else result.bound >= result.threshold
    limit_said = f"单侧 95% 置信{sense}为 {percent(result.bound)}"
    beyond = f"；{limit_said}，也达到" if proven else f"；但{limit_said}，抽样本身尚不能排除总体未达到"
    return "符合", f"{said}{beyond}。"
