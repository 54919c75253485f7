"""From a request to token ids, and from token ids to a reply."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from anjian.models.base import NOT_ASKED, TOO_LONG, CallError, Reply, Request
from anjian.models.hf.setup import Checkpoint
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
    """One request, ready to be decoded: token ids, most tokens of the reply, and how it is drawn."""

    ids: tuple[int, ...]
    limit: int
    warp: Warp
    seed: int
    prefilled: bool
    likeliest: int = 0

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
    prefilled = text.rstrip().endswith(OPEN)
    return Prompt(ids, limit, _warp(checkpoint, request), _seed(request), prefilled, asked.likeliest or 0)


def to_reply(
    checkpoint: Checkpoint, prompt: Prompt, row: Sequence[int], first: Sequence[tuple[int, float]] = ()
) -> Reply:
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
        first=tuple((checkpoint.tokenizer.decode([token]), likely) for token, likely in first),
    )


def _warp(checkpoint: Checkpoint, request: Request) -> Warp:
    asked, defaults = request.sampling, checkpoint.defaults
    temperature = defaults.temperature if asked.temperature is None else asked.temperature
    top_p = defaults.top_p if asked.top_p is None else asked.top_p
    if not temperature or top_p == 0:
        return Warp(0.0, 1.0, 0)
    return Warp(float(temperature), 1.0 if top_p is None else top_p, checkpoint.top_k)


def _seed(request: Request) -> int:
    identity = msgspec.json.encode((request.messages, request.sampling.seed or 0, request.epoch))
    return int.from_bytes(hashlib.sha256(identity).digest()[:8]) >> 1
