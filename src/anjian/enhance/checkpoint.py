"""The model to be made safer: how it is asked, and where its files are."""

from pathlib import Path
from typing import Any

import msgspec

from anjian.errors import UsageError
from anjian.models.spec import home, parse_weights
from anjian.text import one_line

WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".gguf", ".onnx", ".h5", ".msgpack")
NOT_COPIED = (
    *("README.md", "model.safetensors.index.json", "pytorch_model.bin.index.json"),
    # What an earlier `anjian enhance` left beside its weights: this run has its own.
    *("enhance.toml", "recipe.toml", "data_card.md"),
)


class Original(msgspec.Struct, frozen=True):
    """`spec` names it as a model that can be asked, `path` is a folder or a hub ID."""

    spec: str
    path: str


def resolve(model: str) -> Original:
    """Finds what MODEL means: tiny/NAME, a folder, a hub ID, or either behind hf/, vllm/ or sglang/.

    Raises:
        UsageError: There is no such folder, or it is a model whose weights are elsewhere.
    """
    spec = parse_weights(model)
    return Original(spec.name, spec.path)


def load_tokenizer(path: str) -> Any:
    """Loads the tokenizer; raises UsageError in one line."""
    import transformers

    transformers.utils.logging.set_verbosity_error()
    try:
        tokenizer: Any = transformers.AutoTokenizer.from_pretrained(path)
    except Exception as error:  # Broken checkpoints raise nearly anything.
        raise UsageError(f"cannot load the tokenizer of {path}: {one_line(str(error))}") from None
    if not tokenizer.is_fast:
        raise UsageError(f"{path} has a slow tokenizer; training needs tokenizer.json")
    return tokenizer


def small_files(path: str) -> list[Path]:
    """The files of a checkpoint but for weights and cards: configuration, tokenizer, templates."""
    folder = home(path)
    if not folder.is_dir():
        from huggingface_hub import snapshot_download

        folder = Path(snapshot_download(path, ignore_patterns=[f"*{ending}" for ending in WEIGHTS]))
    return [
        file
        for file in sorted(folder.iterdir())
        if file.is_file() and not file.name.endswith(WEIGHTS) and file.name not in NOT_COPIED and file.name[0] != "."
    ]
