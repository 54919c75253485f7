"""Anjian (安鉴): measure, compare and strengthen the safety of Chinese-language LLMs."""

__version__ = "0.2.0"

from anjian.api import compare, compare_async, evaluate, evaluate_async
from anjian.outcome import Comparison, Run

__all__ = ["Comparison", "Run", "compare", "compare_async", "evaluate", "evaluate_async"]
