"""The in-process backend: a checkpoint run through transformers, many requests at once.

Ordinary architectures are decoded with continuous refill (`refill`): a row whose reply is done makes room for the next
request at once. The others go through `generate`, batch after batch (`static`). With 32-bit weights a reply does not
depend on which requests share a batch; with 16-bit weights rounding differs between shapes of batches, and a near tie
may fall the other way.
"""

from anjian.models.hf.model import HfModel
from anjian.models.hf.setup import checked_path

__all__ = ["HfModel", "checked_path"]
