"""Loads a checkpoint for the in-process backend, or says in one line why it cannot be used.

Weights are read from safetensors only: pickled weights can run code. A folder's own Python code runs only if asked for.
"""

import importlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from anjian.errors import UsageError
from anjian.models.base import Sampling
from anjian.models.thinking import CLOSE, OPEN
from anjian.text import one_line

# Settings of a checkpoint's generation_config that shape its replies beside temperature, top-p and top-k.
# All others (beams, caches, lengths) are left out, so that generate does what is asked here and nothing twice.
KEPT_SETTINGS = ("repetition_penalty", "no_repeat_ngram_size", "bad_words_ids", "suppress_tokens")


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
    """

    model: Any
    tokenizer: Any
    settings: dict[str, Any]
    defaults: Sampling
    top_k: int
    context: int | None
    ends: frozenset[int]
    hidden: frozenset[int]


def load(path: str, *, device: str | None, dtype: str | None, trust_remote_code: bool) -> Checkpoint:
    """Loads a folder or hub ID.

    Raises:
        UsageError: A library is missing, or the checkpoint cannot be loaded or is no chat model; one line.
    """
    torch, transformers = library("torch"), library("transformers")
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    path = checked_path(path)
    spread = device is None and torch.cuda.device_count() > 1 and find_spec("accelerate") is not None
    device = device or _best_device(torch)
    options: dict[str, Any] = {"trust_remote_code": trust_remote_code}
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(path, **options)
        options |= {"use_safetensors": True, "dtype": dtype or ("float32" if device == "cpu" else "auto")}
        options |= {"device_map": "auto"} if spread else {}
        loaded = transformers.AutoModelForCausalLM.from_pretrained(path, output_loading_info=True, **options)
        model, missing = loaded[0], loaded[1]["missing_keys"]
        model = model if spread else model.to(device)
    except Exception as error:  # Broken checkpoints raise nearly anything.
        raise UsageError(f"cannot load {path}: {_first_line(error)}") from None
    if missing:
        raise UsageError(f"{path} lacks {len(missing)} of the model's weights, such as {min(missing)}")
    if not tokenizer.chat_template:
        raise UsageError(f"{path} has no chat template; add chat_template.jinja to it, or use a chat model")
    return _described(transformers, model, tokenizer)


def library(name: str) -> Any:
    """Imports torch or transformers, which only this backend needs; raises UsageError if it is missing."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UsageError(f'an in-process model needs more packages ({error}): pip install "anjian[local]"') from None


def checked_path(path: str) -> str:
    """Settles what can be said about a path before anything is loaded; raises UsageError."""
    folder = Path(path).expanduser()
    if folder.is_dir():
        if not any(folder.glob("*.safetensors")):
            raise UsageError(f"{path} holds no *.safetensors file; pickled weights can run code and are never loaded")
        return str(folder)
    if folder.is_absolute() or path.startswith(("./", "../", "~")):
        raise UsageError(f"there is no folder {path}")
    return path


def _best_device(torch: Any) -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return one_line(lines[0]) if lines else type(error).__name__


def _described(transformers: Any, model: Any, tokenizer: Any) -> Checkpoint:
    config = model.generation_config
    ends = {config.eos_token_id} if isinstance(config.eos_token_id, int) else set(config.eos_token_id or ())
    ends |= {tokenizer.eos_token_id} - {None}
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else min(ends, default=0)
    settings = {key: value for key in KEPT_SETTINGS if (value := getattr(config, key)) is not None}
    settings |= {"do_sample": False, "eos_token_id": sorted(ends) or None, "pad_token_id": pad}
    defaults = Sampling(
        temperature=(config.temperature or 1.0) if config.do_sample else 0.0,
        top_p=config.top_p,
        max_tokens=config.max_new_tokens,
    )
    # Releases before 5 report a top-k of 50 that the checkpoint never asked for; the diff leaves it out.
    top_k = config.to_diff_dict().get("top_k") or 0
    # generate fills what a call leaves open from the model's own configuration: empty that.
    model.generation_config = transformers.GenerationConfig(**settings)
    return Checkpoint(
        model=model.eval(),
        tokenizer=tokenizer,
        settings=settings,
        defaults=defaults,
        top_k=top_k,
        context=getattr(model.config.get_text_config(), "max_position_embeddings", None),
        ends=frozenset(ends),
        hidden=_hidden(tokenizer),
    )


def _hidden(tokenizer: Any) -> frozenset[int]:
    """Ids of tokens marked special, but for the tags of thinking: some checkpoints mark those too."""
    marked = {number for number, token in tokenizer.added_tokens_decoder.items() if token.special}
    return frozenset((marked | set(tokenizer.all_special_ids)) - set(tokenizer.convert_tokens_to_ids([OPEN, CLOSE])))
