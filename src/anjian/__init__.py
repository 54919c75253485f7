"""Anjian (安鉴): measure, compare and strengthen the safety of Chinese-language LLMs."""

__version__ = "0.1.0"
