"""Batch after batch through `generate`, for architectures whose cache `refill` cannot take rows out of.

All that wait are sorted by length and answered; a batch lasts as long as its longest reply.
"""

from collections.abc import Sequence
from typing import Any

import torch
import transformers as untyped

from anjian.models.base import BAD_REPLY, TOO_LONG, CallError
from anjian.models.hf.draw import Source, draw, likeliest
from anjian.models.hf.inbox import Asked, Inbox
from anjian.models.hf.memory import free_memory, out_of_memory
from anjian.models.hf.setup import Checkpoint
from anjian.text import one_line

transformers: Any = untyped


def serve(checkpoint: Checkpoint, inbox: Inbox, batch_size: int) -> None:
    """Answers what arrives until the inbox is closed; blocks."""
    most_tokens: float = float("inf")
    waiting: list[Asked] = []
    while not inbox.stop.is_set():
        waiting += inbox.waiting(wait=not waiting)
        # Longest first: a batch that does not fit into memory shows at once.
        waiting = sorted((one for one in waiting if not one.dropped), key=lambda one: -len(one.prompt.ids))
        if not waiting:
            continue
        longest = waiting[0].prompt.tokens
        size = int(min(batch_size, max(1, most_tokens // longest)))
        batch, waiting = waiting[:size], waiting[size:]
        try:
            rows = _generated(checkpoint, batch, inbox)
        except Exception as error:  # Whatever it is, the next batch may do.
            if not out_of_memory(error):
                inbox.fail(batch, CallError(BAD_REPLY, one_line(repr(error)), fatal="CUDA error" in str(error)))
                continue
            rows = None
        # Outside the handler: its traceback would keep the batch's tensors alive.
        if rows is None:
            free_memory()
            if len(batch) == 1:
                length = len(batch[0].prompt.ids)
                inbox.fail(batch, CallError(TOO_LONG, f"a prompt of {length} tokens does not fit into memory"))
            else:
                most_tokens = len(batch) // 2 * longest
                waiting = batch + waiting
        elif not inbox.stop.is_set():
            for asked, row in zip(batch, rows, strict=True):
                inbox.answer(asked, row)


def _generated(checkpoint: Checkpoint, batch: Sequence[Asked], inbox: Inbox) -> list[list[int]]:
    """The new token ids of each prompt, with what fills up the batch."""
    prompts, device = [asked.prompt for asked in batch], checkpoint.model.device
    width, longest = max(len(prompt.ids) for prompt in prompts), max(prompt.limit for prompt in prompts)
    padding = [width - len(prompt.ids) for prompt in prompts]
    pad = checkpoint.settings["pad_token_id"]
    limits = torch.tensor([prompt.limit for prompt in prompts], device=device)
    sources = [Source(prompt, device) for prompt in prompts]

    def drawn(input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        for place, asked in enumerate(batch if input_ids.shape[1] == width else ()):
            if asked.prompt.likeliest:
                asked.first = likeliest(scores[place].float(), asked.prompt.likeliest)
        return torch.full_like(scores, -torch.inf).scatter_(1, draw(scores, sources)[:, None], 0.0)

    def ended(input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
        return (limits <= input_ids.shape[1] - width) | inbox.stop.is_set()

    output = checkpoint.model.generate(
        input_ids=torch.tensor([[pad] * n + list(p.ids) for n, p in zip(padding, prompts, strict=True)], device=device),
        attention_mask=torch.tensor([[0] * n + [1] * (width - n) for n in padding], device=device),
        generation_config=transformers.GenerationConfig(**checkpoint.settings, max_new_tokens=longest),
        logits_processor=[drawn],
        stopping_criteria=[ended],
    )
    rows: list[list[int]] = output[:, width:].tolist()
    return rows
