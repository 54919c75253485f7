"""From a request to token ids and back, and the batches in between.

A reply is drawn by the Gumbel-max trick (Maddison et al. 2014, section 2): the most likely token after adding Gumbel
noise is a sample. The noise of each row has its own generator, seeded from the request, so that what is drawn does not
depend on which requests share a batch: a run that was killed and resumed gives the same replies.
"""

import gc
import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from anjian.models.base import NOT_ASKED, TOO_LONG, CallError, Reply, Request
from anjian.models.hf_load import Checkpoint, library
from anjian.models.thinking import OPEN
from anjian.text import one_line

LONGEST_REPLY = 4096
"""Tokens of a reply where neither the request nor the checkpoint sets a limit."""


class Warp(NamedTuple):
    """How the distribution is bent before drawing; temperature 0 is greedy, top-p 1 and top-k 0 keep all tokens."""

    temperature: float
    top_p: float
    top_k: int


@dataclass(frozen=True, slots=True)
class Prompt:
    """One request, ready to be put into a batch: token ids, most tokens of the reply, and how it is drawn."""

    ids: tuple[int, ...]
    limit: int
    warp: Warp
    seed: int
    prefilled: bool

    @property
    def tokens(self) -> int:
        """Most tokens that the prompt and its reply can take."""
        return len(self.ids) + self.limit


def to_prompt(checkpoint: Checkpoint, request: Request) -> Prompt:
    """Renders and tokenizes one request.

    Raises:
        CallError: The chat template refuses the messages, or they are longer than the context.
    """
    messages = [{"role": message.role, "content": message.content} for message in request.messages]
    try:
        text = checkpoint.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    except Exception as error:  # Templates are programs of the checkpoint and raise what they like.
        raise CallError(NOT_ASKED, f"the chat template refuses the messages: {one_line(str(error))}") from None
    ids = tuple(checkpoint.tokenizer(text, add_special_tokens=False)["input_ids"])
    asked, defaults = request.sampling, checkpoint.defaults
    limit = asked.max_tokens or defaults.max_tokens or asked.budget or LONGEST_REPLY
    if checkpoint.context is not None:
        if len(ids) >= checkpoint.context:
            raise CallError(TOO_LONG, f"the prompt has {len(ids)} tokens, the model reads {checkpoint.context}")
        limit = min(limit, checkpoint.context - len(ids))
    return Prompt(ids, limit, _warp(checkpoint, request), _seed(request), text.rstrip().endswith(OPEN))


def generate(checkpoint: Checkpoint, batch: Sequence[Prompt], stop: threading.Event) -> list[list[int]] | None:
    """Draws the replies to prompts that share a warp; blocks, and ends early once `stop` is set.

    Returns:
        The new token ids of each prompt, with what fills up the batch, or None if the batch does not fit into memory.
    """
    torch, transformers = library("torch"), library("transformers")
    width, device = max(len(prompt.ids) for prompt in batch), checkpoint.model.device
    padding = [width - len(prompt.ids) for prompt in batch]
    pad = checkpoint.settings["pad_token_id"]
    ids = torch.tensor([[pad] * n + list(p.ids) for n, p in zip(padding, batch, strict=True)], device=device)
    mask = torch.tensor([[0] * n + [1] * (width - n) for n in padding], device=device)
    limits = torch.tensor([prompt.limit for prompt in batch], device=device)
    try:
        output = checkpoint.model.generate(
            input_ids=ids,
            attention_mask=mask,
            generation_config=transformers.GenerationConfig(**checkpoint.settings, max_new_tokens=int(limits.max())),
            logits_processor=_draws(torch, transformers, batch, device),
            stopping_criteria=transformers.StoppingCriteriaList([_Limits(torch, limits, width, stop)]),
        )
        rows: list[list[int]] = output[:, width:].tolist()
        return rows
    except (RuntimeError, MemoryError) as error:
        if not _out_of_memory(error):
            raise
    # Outside the handler: its traceback would keep the batch's tensors alive.
    free_memory()
    return None


def to_reply(checkpoint: Checkpoint, prompt: Prompt, row: Sequence[int]) -> Reply:
    """Cuts a row of new tokens at its end and puts it into text, with the tags of thinking as they came."""
    row = row[: prompt.limit]
    end = next((place for place, token in enumerate(row) if token in checkpoint.ends), None)
    said = [token for token in row[:end] if token not in checkpoint.hidden]
    return Reply(
        text=checkpoint.tokenizer.decode(said, skip_special_tokens=False, clean_up_tokenization_spaces=False),
        finish_reason="length" if end is None else "stop",
        prompt_tokens=len(prompt.ids),
        completion_tokens=len(row) if end is None else end + 1,
        prefilled=prompt.prefilled,
    )


def free_memory() -> None:
    """Gives the accelerator's cached memory back."""
    gc.collect()
    torch = library("torch")
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif torch.backends.mps.is_available():
        torch.mps.empty_cache()


def _warp(checkpoint: Checkpoint, request: Request) -> Warp:
    asked, defaults = request.sampling, checkpoint.defaults
    temperature = defaults.temperature if asked.temperature is None else asked.temperature
    top_p = defaults.top_p if asked.top_p is None else asked.top_p
    if not temperature:
        return Warp(0.0, 1.0, 0)
    return Warp(float(temperature), 1.0 if top_p is None else top_p, checkpoint.top_k)


def _seed(request: Request) -> int:
    identity = msgspec.json.encode((request.messages, request.sampling.seed or 0, request.epoch))
    return int.from_bytes(hashlib.sha256(identity).digest()[:8]) >> 1


def _draws(torch: Any, transformers: Any, batch: Sequence[Prompt], device: Any) -> list[Any]:
    """The processors that turn scores into draws; none for greedy, where the highest score is the reply."""
    warp = batch[0].warp
    if not warp.temperature:
        return []
    steps = [transformers.TemperatureLogitsWarper(warp.temperature)]
    steps += [transformers.TopKLogitsWarper(warp.top_k)] if warp.top_k else []
    steps += [transformers.TopPLogitsWarper(warp.top_p)] if warp.top_p < 1 else []
    return [*steps, _Gumbel(torch, [torch.Generator(device).manual_seed(prompt.seed) for prompt in batch])]


class _Gumbel:
    """Adds Gumbel noise to the scores, (rows, vocabulary), from one generator a row."""

    def __init__(self, torch: Any, generators: Sequence[Any]) -> None:
        self._torch = torch
        self._generators = generators

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        size, device = scores.shape[-1], scores.device
        rows = [self._torch.rand(size, generator=generator, device=device) for generator in self._generators]
        # Drawn from [0, 1): a zero would forbid its token, even the only one that top-p leaves.
        uniform = self._torch.stack(rows).clamp_(min=2.0**-25)
        return scores - uniform.log_().neg_().log_()


class _Limits:
    """Ends each row at its own limit, and all of them once `stop` is set."""

    def __init__(self, torch: Any, limits: Any, width: int, stop: threading.Event) -> None:
        self._torch = torch
        self._limits = limits
        self._width = width
        self._stop = stop

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
        if self._stop.is_set():
            return self._torch.ones_like(self._limits, dtype=self._torch.bool)
        return self._limits <= input_ids.shape[1] - self._width


def _out_of_memory(error: Exception) -> bool:
    # CUDA and MPS say the first, the CPU allocator the second.
    text = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in text or "can't allocate memory" in text
