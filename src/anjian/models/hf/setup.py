"""What is known of a checkpoint: before it is loaded, and once it is."""

from dataclasses import dataclass, field
from typing import Any

from anjian.errors import UsageError
from anjian.models.base import Sampling
from anjian.models.spec import home


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A loaded model with all that asking it needs.

    Attributes:
        model: A transformers causal language model, in evaluation mode.
        tokenizer: Its tokenizer, with a chat template.
        settings: Arguments of the GenerationConfig of every call.
        defaults: How replies are drawn where a request leaves it open.
        top_k: The generation config's top-k; 0 if it has none.
        context: Most tokens of prompt and reply together; None if the configuration does not say.
        ends: Token ids that end a reply.
        hidden: Special token ids that are no text; the tags of thinking are text.
        about: What was taken, for `run.toml`: device, dtype, and the like.
    """

    model: Any
    tokenizer: Any
    settings: dict[str, Any]
    defaults: Sampling
    top_k: int
    context: int | None
    ends: frozenset[int]
    hidden: frozenset[int]
    about: dict[str, Any] = field(default_factory=dict)


def checked_path(path: str) -> str:
    """Settles what can be said about a path before anything is loaded; raises UsageError."""
    folder = home(path)
    if folder.is_dir():
        if not any(folder.glob("*.safetensors")):
            raise UsageError(f"{path} holds no *.safetensors file; pickled weights can run code and are never loaded")
        return str(folder)
    if folder.is_absolute() or path.startswith(("./", "../", "~")):
        raise UsageError(f"there is no folder {path}")
    return path
