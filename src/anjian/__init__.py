"""Anjian (安鉴): measure, compare and strengthen the safety of Chinese-language LLMs."""

__version__ = "0.2.0"

from anjian.api import Comparison, Run, compare, compare_async, evaluate, evaluate_async

__all__ = ["Comparison", "Run", "compare", "compare_async", "evaluate", "evaluate_async"]
