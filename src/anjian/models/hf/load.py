"""Loads a checkpoint for the in-process backend, or says in one line why it cannot be used.

Weights are read from safetensors only: pickled weights can run code. A folder's own Python code runs only if asked for.
"""

import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
import transformers as untyped

from anjian.errors import UsageError
from anjian.models.access import Access, has_tokenizer, read_template
from anjian.models.base import Sampling
from anjian.models.hf.setup import Checkpoint, checked_path
from anjian.models.thinking import CLOSE, OPEN
from anjian.text import one_line

transformers: Any = untyped
# Settings of a checkpoint's generation_config that shape its replies beside temperature, top-p and top-k.
# All others (beams, caches, lengths) are left out, so that generate does what is asked here and nothing twice.
KEPT_SETTINGS = ("repetition_penalty", "no_repeat_ngram_size", "bad_words_ids", "suppress_tokens")
SMALL = 100_000_000
"""Parameters of a model that a processor runs in float32 whatever its checkpoint's type: it gains nothing from 16 bits,
and its replies, the bundled models' among them, stay independent of the batch."""
FAST_16_BIT = {
    torch.bfloat16: {"avx512_bf16", "amx_bf16", "bf16"},
    torch.float16: {"avx512_fp16", "amx_fp16", "asimdhp"},
}
"""By what /proc/cpuinfo calls them, the instructions (x86 and ARM) that make a type fast."""


def load(path: str, access: Access) -> Checkpoint:
    """Loads a folder or hub ID.

    Raises:
        UsageError: The checkpoint cannot be loaded or is no chat model, or an option does not suit it; one line.
    """
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    path = checked_path(path)
    device = _checked_device(access.device) if access.device else _best_device()
    several = torch.cuda.device_count() > 1 and access.device in (None, "auto")
    spread = several and find_spec("accelerate") is not None
    options: dict[str, Any] = {"trust_remote_code": access.trust_remote_code}
    try:
        own = access.lora if access.lora and has_tokenizer(access.lora) else path
        tokenizer = transformers.AutoTokenizer.from_pretrained(str(own), **options)
        options |= {"use_safetensors": True, "dtype": access.dtype or "auto"}
        options |= {"device_map": "auto"} if spread else {}
        loaded = transformers.AutoModelForCausalLM.from_pretrained(path, output_loading_info=True, **options)
        model, missing = loaded[0], loaded[1]["missing_keys"]
        if access.dtype is None and device == "cpu" and not _fast_in_16_bits(model):
            model = model.float()
        model = _adapted(model, access.lora) if access.lora else model
        model = model if spread else model.to(device)
    except UsageError:
        raise
    except Exception as error:  # Broken checkpoints raise nearly anything.
        raise UsageError(f"cannot load {path}: {_first_line(error)}") from None
    if missing:
        raise UsageError(f"{path} lacks {len(missing)} of the model's weights, such as {min(missing)}")
    _set_template(tokenizer, path, access.chat_template)
    return _described(model.eval(), tokenizer)


def _checked_device(name: str) -> str:
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except Exception as error:  # Torch raises a different error for each accelerator that is missing.
        raise UsageError(f"--device {name} cannot be used here: {_first_line(error)}") from None
    return device.type if device.index is None else name


def _best_device() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _fast_in_16_bits(model: Any) -> bool:
    """True if this processor is fast with the type of a model that is large enough to gain from it."""
    try:
        known = set(Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split())
    except OSError:
        return False
    return model.num_parameters() >= SMALL and bool(FAST_16_BIT.get(model.dtype, set()) & known)


def _adapted(model: Any, folder: Path) -> Any:
    """Puts an adapter on a model and merges it, which is as fast as the model alone."""
    try:
        from peft import PeftModel
    except ImportError:
        raise UsageError("--lora needs one more package here: pip install peft") from None
    try:
        with warnings.catch_warnings(action="ignore"):
            return PeftModel.from_pretrained(model, str(folder)).merge_and_unload()
    except Exception as error:  # So do adapters of other models.
        raise UsageError(f"cannot put the adapter {folder} on the model: {one_line(str(error))}") from None


def _set_template(tokenizer: Any, path: str, file: Path | None) -> None:
    if file:
        tokenizer.chat_template = read_template(file)
        try:
            tokenizer.apply_chat_template([{"role": "user", "content": "?"}], add_generation_prompt=True)
        except Exception as error:  # Templates are programs and raise what they like.
            raise UsageError(f"--chat-template {file}: {_first_line(error)}") from None
    if not tokenizer.chat_template:
        raise UsageError(f"{path} has no chat template; name one with --chat-template, or use a chat model")


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return one_line(lines[0]) if lines else type(error).__name__


def _described(model: Any, tokenizer: Any) -> Checkpoint:
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
        model=model,
        tokenizer=tokenizer,
        settings=settings,
        defaults=defaults,
        top_k=top_k,
        context=getattr(model.config.get_text_config(), "max_position_embeddings", None),
        ends=frozenset(ends),
        hidden=_hidden(tokenizer),
        about={
            "device": str(model.device),
            "dtype": str(model.dtype).removeprefix("torch."),
            "parameters": model.num_parameters(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
    )


def _hidden(tokenizer: Any) -> frozenset[int]:
    """Ids of tokens marked special, but for the tags of thinking: some checkpoints mark those too."""
    marked = {number for number, token in tokenizer.added_tokens_decoder.items() if token.special}
    return frozenset((marked | set(tokenizer.all_special_ids)) - set(tokenizer.convert_tokens_to_ids([OPEN, CLOSE])))
