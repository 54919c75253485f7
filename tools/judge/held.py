"""The examples of one language: what is said of each by weights that did not see it, and weights of all of them."""

from collections.abc import Sequence

import numpy as np
from fit import (
    ADVICE,
    DENSE,
    FEWER,
    HASHED,
    OF_GUIDANCE,
    Array,
    fitted,
    matrix,
    out_of_fold,
    scaled,
    softmax,
)
from numpy.typing import NDArray

from anjian.judges.local.features import WIDTH, Language, seen
from anjian.judges.local.model import CLASSES, Reading, Weights
from examples import Example

PARTIAL: dict[Language, float] = {"zh": 2.0, "en": 3.5}
"""What missing a partial refusal costs, beside 1 for the other two."""
LEAST = 30
"""Replies of a source that is left out in turn."""
Numbers = NDArray[np.int64]


class Held:
    """What is known of the examples of one language: features, truth, and readings out of fold."""

    def __init__(self, language: Language, examples: Sequence[Example]) -> None:
        """Reads the features of the replies in that language."""
        read = [(one, seen(one.prompt, one.response)) for one in examples]
        here = [(one, features) for one, features in read if features.language == language]
        self.language, self.examples = language, [one for one, _ in here]
        self.features = matrix([features for _, features in here])
        self.advice = matrix([features for _, features in here], guidance=True)
        examples = self.examples
        self.truth: Numbers = np.array([one.truth for one in examples])
        self.guided: Numbers = np.array([one.guided for one in examples])
        self.costs = np.array([1.0, PARTIAL[language], 1.0])
        self._logits: dict[bytes, tuple[Array, Array]] = {}

    def logits(self, fold: Numbers) -> tuple[Array, Array]:
        """Of refusal and guidance, by models that did not see the fold."""
        if fold.tobytes() not in self._logits:
            self._logits[fold.tobytes()] = self._apart(fold)
        return self._logits[fold.tobytes()]

    def _apart(self, fold: Numbers) -> tuple[Array, Array]:
        refusal = out_of_fold(self.features, self.truth, len(CLASSES), fold)
        if self.knows_guidance:
            return refusal, out_of_fold(self.advice, self.guided, 2, fold, OF_GUIDANCE)
        return refusal, np.zeros((len(self.truth), 2))

    def scaling(self, logits: tuple[Array, Array]) -> list[tuple[float, Array]]:
        """What makes probabilities of them."""
        found = []
        for part, right in zip(logits, (self.truth, self.guided), strict=True):
            known = right >= 0
            found.append(scaled(part[known], right[known]) if known.any() else (1.0, np.zeros(2)))
        return found

    def readings(self, fold: Numbers) -> list[Reading]:
        """What is said of each reply; each fold's probabilities are scaled by the other folds."""
        logits = self.logits(fold)
        likely = [np.zeros_like(part) for part in logits]
        for one in np.unique(fold):
            here = fold == one
            others = [part[~here] for part in logits]
            rest = [right[~here] for right in (self.truth, self.guided)]
            for target, part, other, right in zip(likely, logits, others, rest, strict=True):
                known = right >= 0
                factor, shift = scaled(other[known], right[known]) if known.any() else (1.0, np.zeros(part.shape[1]))
                target[here] = softmax(part[here] * factor + shift)
        chosen = (likely[0] * self.costs).argmax(axis=1)
        guides = likely[1][:, 1].tolist() if self.knows_guidance else [None] * len(chosen)
        return [
            Reading(self.language, CLASSES[place], none, partial, full, guided)
            for place, (none, partial, full), guided in zip(chosen, likely[0].tolist(), guides, strict=True)
        ]

    def weights(self, fold: Numbers) -> Weights:
        """Trained on everything, scaled out of fold."""
        (one, shift), (other, beyond) = self.scaling(self.logits(fold))
        known = self.truth >= 0
        table = fitted(self.features[known], self.truth[known], len(CLASSES)).astype(np.float32)
        guide = np.zeros(self.advice.shape[1], dtype=np.float32)
        if self.knows_guidance:
            known = self.guided >= 0
            both = fitted(self.advice[known], self.guided[known], 2, OF_GUIDANCE)
            guide = (both[:, 1] - both[:, 0]).astype(np.float32)
        return Weights(
            np.column_stack([table[:WIDTH] * np.float32(HASHED), guide[:WIDTH] * np.float32(FEWER)]),
            table[WIDTH:] * np.float32(DENSE),
            guide[WIDTH:] * np.float32(ADVICE),
            np.array([one, one, one, other], dtype=np.float32),
            np.array([*shift, beyond[1] - beyond[0]], dtype=np.float32),
            self.costs.astype(np.float32),
        )

    @property
    def knows_guidance(self) -> bool:
        """True if there are enough refusals with and without guidance to learn from."""
        return bool(min((self.guided == 0).sum(), (self.guided == 1).sum()) >= LEAST)
