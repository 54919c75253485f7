"""The verification stage: is the new model safer, and did nothing else break?

It hands over to the comparison of two models, and keeps its table for the model card.
"""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from rich.console import Console


def verify(before: str, after: Path, judges: Sequence[str], folder: Path, console: Console) -> int:
    """Compares the model with what it was, in `folder`; writes `card.json` for the model card.

    Returns:
        The exit code of the verdict: 0 safer, 4 not proven, 5 harmed.
    """
    # Imported late: the comparison brings the statistics along.
    compare: Any = import_module("anjian.runs.compare")
    return int(compare.verify_pair(before, f"hf/{after}", tuple(judges), folder, console))
