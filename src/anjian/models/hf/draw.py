"""Draws the next token of each row; rows may be drawn differently.

By the Gumbel-max trick (Maddison et al. 2014, section 2) the most likely token after adding Gumbel noise is a sample.
The noise of each row has its own generator, seeded from the request, so that what is drawn does not depend on which
requests share a batch: a run that was killed and resumed gives the same replies.
"""

from collections.abc import Sequence

import torch

from anjian.models.hf.prompts import Prompt, Warp


class Source:
    """Where one reply's draws come from."""

    def __init__(self, prompt: Prompt, device: torch.device) -> None:
        """Starts the noise of a reply anew."""
        self.warp = prompt.warp
        self.generator = torch.Generator(device).manual_seed(prompt.seed)


def draw(scores: torch.Tensor, sources: Sequence[Source]) -> torch.Tensor:
    """The next tokens, (rows,), of scores in float32, (rows, vocabulary)."""
    tokens = scores.argmax(-1)
    warm = [row for row, source in enumerate(sources) if source.warp.temperature]
    if warm:
        tokens[warm] = _sampled(scores[warm], [sources[row] for row in warm])
    return tokens


def likeliest(scores: torch.Tensor, count: int) -> list[tuple[int, float]]:
    """The most likely tokens of one row of scores, (vocabulary,), with the logarithms of their probabilities."""
    best = scores.log_softmax(-1).topk(min(count, len(scores)))
    return list(zip(best.indices.tolist(), best.values.tolist(), strict=True))


def _sampled(scores: torch.Tensor, sources: Sequence[Source]) -> torch.Tensor:
    warps = [source.warp for source in sources]
    scores = _top_k(scores / _column(scores, [warp.temperature for warp in warps]), warps)
    noisy = scores + _noise(scores, sources)
    best = noisy.argmax(-1, keepdim=True)
    if all(warp.top_p >= 1 for warp in warps):
        return best[:, 0]
    # A token is in the nucleus if those above it hold less than top-p. The first such, in the order of the noisy
    # scores, is the draw; it is mostly the first of all, which spares sorting the vocabulary.
    probabilities = scores.softmax(-1)
    kept = _column(scores, [warp.top_p if warp.top_p < 1 else 2.0 for warp in warps])
    while True:
        above = probabilities.masked_fill(scores <= scores.gather(1, best), 0).sum(-1, keepdim=True)
        outside = (above >= kept) & (above > 0)
        if not outside.any():
            return best[:, 0]
        noisy = noisy.scatter(1, best, torch.where(outside, -torch.inf, noisy.gather(1, best)))
        best = noisy.argmax(-1, keepdim=True)


def _top_k(scores: torch.Tensor, warps: Sequence[Warp]) -> torch.Tensor:
    size = scores.shape[-1]
    counts = [min(warp.top_k or size, size) for warp in warps]
    some = [count for count in counts if count < size]
    if not some:
        return scores
    best = scores.topk(max(some)).values
    places = torch.tensor([[min(count, max(some)) - 1] for count in counts], device=scores.device)
    limited = torch.tensor([[count < size] for count in counts], device=scores.device)
    return scores.masked_fill(limited & (scores < best.gather(1, places)), -torch.inf)


def _noise(scores: torch.Tensor, sources: Sequence[Source]) -> torch.Tensor:
    size, device = scores.shape[-1], scores.device
    rows = [torch.rand(size, generator=source.generator, device=device) for source in sources]
    # Drawn from [0, 1): a zero would forbid its token, even the only one that top-p leaves.
    return torch.stack(rows).clamp_(min=2.0**-25).log_().neg_().log_().neg_()


def _column(scores: torch.Tensor, values: Sequence[float]) -> torch.Tensor:
    return torch.tensor(values, dtype=scores.dtype, device=scores.device)[:, None]
