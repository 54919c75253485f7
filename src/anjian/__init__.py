"""Anjian (安鉴): measure, compare and strengthen the safety of Chinese-language LLMs."""

from anjian.api import Comparison, Run, compare, compare_async, evaluate, evaluate_async

__all__ = ["Comparison", "Run", "compare", "compare_async", "evaluate", "evaluate_async"]
__version__ = "0.1.0"
