"""Continuous refill: a row whose reply is done leaves at once, and the next request takes its place."""

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
import transformers as untyped
from transformers.cache_utils import DynamicCache, DynamicLayer

from anjian.models.base import BAD_REPLY, TOO_LONG, CallError
from anjian.models.hf.draw import Source, draw, likeliest
from anjian.models.hf.inbox import Asked, Inbox
from anjian.models.hf.memory import free_memory, out_of_memory
from anjian.models.hf.setup import Checkpoint
from anjian.models.hf.table import Table
from anjian.text import one_line

transformers: Any = untyped
PREFILL_TOKENS = 2048
"""Most tokens of prompts, padding included, that are read at a time."""
ENTER_SHARE = 8
"""New rows enter once more than an eighth of the rows are free: reading prompts costs a pass over the weights,
however few they are, and a free row costs little meanwhile."""


def can_refill(model: Any) -> bool:
    """True for decoders with the plain cache: full attention in all layers, positions and masks taken as given."""
    taken = inspect.signature(model.forward).parameters
    return (
        type(model).__module__.startswith("transformers.")
        and {"position_ids", "logits_to_keep"} <= taken.keys()
        and model.config._attn_implementation == "sdpa"
        and not getattr(model.config, "alibi", False)
        and all(type(layer) is DynamicLayer for layer in DynamicCache(config=model.config).layers)
    )


def serve(checkpoint: Checkpoint, inbox: Inbox, batch_size: int) -> None:
    """Answers what arrives until the inbox is closed; blocks."""
    with torch.inference_mode():
        _Server(checkpoint, inbox, batch_size).run()


class Row:
    """A reply under way: its request, and all its token ids so far, the prompt's first."""

    def __init__(self, asked: Asked, device: torch.device) -> None:
        """Starts with the prompt."""
        self.asked = asked
        self.ids = list(asked.prompt.ids)
        self.source = Source(asked.prompt, device)

    @property
    def said(self) -> list[int]:
        """The tokens of the reply."""
        return self.ids[len(self.asked.prompt.ids) :]


class Decoder:
    """The live rows of a model; row i has slot i of the table."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        """Starts without rows."""
        self.rows: list[Row] = []
        self._model, self._ends = checkpoint.model, checkpoint.ends
        self._device: torch.device = checkpoint.model.device
        self._pad = checkpoint.settings["pad_token_id"]
        self._processors = _processors(checkpoint.settings)
        self._suppressed = checkpoint.settings.get("suppress_tokens") or []
        self._table = Table()

    @property
    def asked(self) -> list[Asked]:
        """The requests under way."""
        return [row.asked for row in self.rows]

    def admit(self, asked: Sequence[Asked]) -> list[Row]:
        """Reads prompts of similar lengths, all but the last tokens, which the next step reads; returns their rows."""
        rows = [Row(one, self._device) for one in asked]
        # Filled up on the right, where no token of a prompt attends to; a cache cannot be of no token.
        width = max(1, *(len(row.ids) - 1 for row in rows))
        ids = [(row.ids[:-1] + [self._pad] * width)[:width] for row in rows]
        read = DynamicCache(config=self._model.config)
        tokens = torch.tensor(ids, device=self._device)
        self._model(input_ids=tokens, past_key_values=read, use_cache=True, logits_to_keep=1)
        self._table.put(len(self.rows), read.layers, [len(row.ids) - 1 for row in rows])
        self.rows += rows
        return rows

    def step(self) -> list[Row]:
        """Adds a token to each row; takes out and returns those whose reply is done."""
        lengths = torch.tensor([len(row.ids) for row in self.rows], device=self._device)
        width = max(len(row.ids) for row in self.rows)
        self._table.expect(lengths - 1, width)
        # Added to the scores of attention: made once, where every layer would make it of a mask of bools.
        masked = torch.arange(width, device=self._device) >= lengths[:, None]
        mask = torch.zeros(masked.shape, dtype=self._model.dtype, device=self._device).masked_fill_(masked, -torch.inf)
        output = self._model(
            input_ids=torch.tensor([row.ids[-1:] for row in self.rows], device=self._device),
            position_ids=(lengths - 1)[:, None],
            attention_mask=mask[:, None, None],
            past_key_values=self._table,
            use_cache=True,
            logits_to_keep=1,
        )
        scores = self._processed(output.logits[:, -1].float())
        for place, row in enumerate(self.rows):
            if row.asked.prompt.likeliest and not row.said:
                row.asked.first = likeliest(scores[place], row.asked.prompt.likeliest)
        for row, token in zip(self.rows, draw(scores, [row.source for row in self.rows]).tolist(), strict=True):
            row.ids.append(token)
        return self.take(row for row in self.rows if self._is_done(row))

    def take(self, leaving: Iterable[Row]) -> list[Row]:
        """Takes rows out; the last ones move into their places."""
        left = list(leaving)
        for place in sorted((self.rows.index(row) for row in left), reverse=True):
            last = self.rows.pop()
            if place < len(self.rows):
                self._table.move(len(self.rows), place, len(last.ids) - 1)
                self.rows[place] = last
        return left

    def _is_done(self, row: Row) -> bool:
        prompt = row.asked.prompt
        return row.ids[-1] in self._ends or len(row.ids) - len(prompt.ids) >= prompt.limit

    def _processed(self, scores: torch.Tensor) -> torch.Tensor:
        if self._suppressed:
            scores[:, self._suppressed] = -torch.inf
        for place, row in enumerate(self.rows if self._processors else ()):
            ids, own = torch.tensor([row.ids], device=self._device), scores[place : place + 1]
            for processor in self._processors:
                own = processor(ids, own)
            scores[place] = own[0]
        return scores


class _Server:
    """Keeps the decoder filled from what waits."""

    def __init__(self, checkpoint: Checkpoint, inbox: Inbox, batch_size: int) -> None:
        self._checkpoint, self._inbox, self._batch_size = checkpoint, inbox, batch_size
        self._decoder = Decoder(checkpoint)
        self._waiting: list[Asked] = []
        self._most_tokens = float("inf")

    def run(self) -> None:
        while not self._inbox.stop.is_set():
            idle = not self._waiting and not self._decoder.rows
            self._waiting += self._inbox.waiting(wait=idle)
            self._waiting = [asked for asked in self._waiting if not asked.dropped]
            self._decoder.take(row for row in self._decoder.rows if row.asked.dropped)
            for group in _groups(self._entering()):
                self._attempt(partial(self._decoder.admit, group), group)
            if self._decoder.rows:
                for row in self._attempt(self._decoder.step, self._decoder.asked):
                    self._inbox.answer(row.asked, row.said)

    def _entering(self) -> list[Asked]:
        """The next that waits, with those of the most similar length beside it, as many as there is room for."""
        live = self._decoder.asked
        room = self._batch_size - len(live)
        if not self._waiting or room <= self._batch_size // ENTER_SHARE:
            return []
        length = len(self._waiting[0].prompt.ids)
        nearest = sorted(self._waiting, key=lambda asked: abs(len(asked.prompt.ids) - length))
        longest = max((asked.prompt.tokens for asked in live), default=0)
        entering: list[Asked] = []
        for asked in nearest[:room]:
            longest = max(longest, asked.prompt.tokens)
            count = len(live) + len(entering)
            if count and (count + 1) * longest > self._most_tokens:
                break
            entering.append(asked)
        self._waiting = [asked for asked in self._waiting if asked not in entering]
        return sorted(entering, key=lambda asked: -len(asked.prompt.ids))

    def _attempt(self, work: Callable[[], list[Row]], concerned: list[Asked]) -> list[Row]:
        """Does a piece of work; if it fails, those whom it concerns fail, or start over with more room."""
        try:
            return work()
        except Exception as error:  # Whatever it is, the next requests may do.
            if not out_of_memory(error):
                self._decoder.take(row for row in self._decoder.rows if row.asked in concerned)
                failure = CallError(BAD_REPLY, one_line(repr(error)), fatal="CUDA error" in str(error))
                self._inbox.fail(concerned, failure)
                return []
        # Outside the handler: its traceback would keep the tensors alive.
        self._start_over(list(dict.fromkeys([*self._decoder.asked, *concerned])))
        return []

    def _start_over(self, again: list[Asked]) -> None:
        """Gives all memory back; what was under way is decoded anew, half as many rows at once."""
        self._decoder = Decoder(self._checkpoint)
        free_memory()
        if len(again) == 1:
            length = len(again[0].prompt.ids)
            self._inbox.fail(again, CallError(TOO_LONG, f"a prompt of {length} tokens does not fit into memory"))
        else:
            self._most_tokens = len(again) // 2 * max(asked.prompt.tokens for asked in again)
            self._waiting = again + self._waiting


def _groups(entering: Sequence[Asked]) -> Iterator[list[Asked]]:
    """Prompts that are read together, the longest first."""
    while entering:
        size = max(1, PREFILL_TOKENS // len(entering[0].prompt.ids))
        yield list(entering[:size])
        entering = entering[size:]


def _processors(settings: dict[str, Any]) -> list[Any]:
    """What `generate` does with the scores of a row, by the same settings."""
    found = []
    if (penalty := settings.get("repetition_penalty", 1.0)) != 1.0:
        found.append(transformers.RepetitionPenaltyLogitsProcessor(penalty))
    if size := settings.get("no_repeat_ngram_size"):
        found.append(transformers.NoRepeatNGramLogitsProcessor(size))
    if words := settings.get("bad_words_ids"):
        found.append(transformers.NoBadWordsLogitsProcessor(words, settings["eos_token_id"]))
    return found
