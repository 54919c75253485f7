"""Whether harmless questions can be told from risky ones by their surface, as two simple classifiers see it.

If they can, a model that only listens for dangerous words looks safe, and its over-refusal is never found. Both
classifiers read the character n-grams of a question; they learn on one half of the categories and are tested on the
other, and the other way round, so that a topic is no help (compare the shortcut tests of annotation artefacts in
Gururangan et al. 2018, arXiv 1803.02324).
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np

from anjian.items.near import text_of
from anjian.items.records import Item

GRAMS: Final = (1, 2, 3)
FEWEST: Final = 40
"""Questions of each side from which on something can be said."""
ALIKE_LIMIT: Final = 0.70
"""Where dangerous wording is kept on purpose, more than this share told apart is a giveaway."""
LIMIT: Final = 0.80
"""The same for all harmless questions."""
SHOWN: Final = 8
_PENALTY: Final = 1.0

Texts = Sequence[tuple[str, bool]]


class Separability(msgspec.Struct, frozen=True):
    """How well the surface tells risky questions from harmless ones.

    Attributes:
        bayes: Balanced accuracy of multinomial naive Bayes, 0.5 for chance.
        logistic: The same of logistic regression with an L2 penalty.
        risky: Questions of this kind.
        harmless: Questions of that kind.
        telling_risky: The n-grams that speak most for risk.
        telling_harmless: Those that speak most against.
    """

    bayes: float
    logistic: float
    risky: int
    harmless: int
    telling_risky: list[str]
    telling_harmless: list[str]

    @property
    def worst(self) -> float:
        """What the better of the two classifiers reaches."""
        return max(self.bayes, self.logistic)


def separability(risky: Sequence[Item], harmless: Sequence[Item]) -> Separability | None:
    """Measures it; None where there are too few questions, or only one category, on a side."""
    halves = _halves(risky, harmless)
    if min(len(risky), len(harmless)) < FEWEST or not all(_both(half) for half in halves):
        return None
    told = [_trained(halves[1 - side], halves[side]) for side in (0, 1)]
    weights: dict[str, float] = {}
    for _, _, learnt in told:
        for gram, weight in learnt.items():
            weights[gram] = weights.get(gram, 0.0) + weight
    order = sorted(weights, key=lambda gram: (-weights[gram], gram))
    return Separability(
        bayes=sum(bayes for bayes, _, _ in told) / 2,
        logistic=sum(logistic for _, logistic, _ in told) / 2,
        risky=len(risky),
        harmless=len(harmless),
        telling_risky=order[:SHOWN],
        telling_harmless=order[::-1][:SHOWN],
    )


def _halves(risky: Sequence[Item], harmless: Sequence[Item]) -> tuple[Texts, Texts]:
    """The questions of every other category, and the rest."""
    halves: tuple[list[tuple[str, bool]], list[tuple[str, bool]]] = ([], [])
    for items, label in ((risky, True), (harmless, False)):
        place = {category: number % 2 for number, category in enumerate(sorted({item.category for item in items}))}
        for item in items:
            halves[place[item.category]].append((text_of(item).lower(), label))
    return halves


def _both(texts: Texts) -> bool:
    return len({label for _, label in texts}) == 2


def _trained(train: Texts, test: Texts) -> tuple[float, float, dict[str, float]]:
    """Balanced accuracies of both classifiers, and the weights of the second."""
    vocabulary = _vocabulary(train)
    seen, unseen = _matrix(train, vocabulary), _matrix(test, vocabulary)
    labels, truth = (np.array([label for _, label in texts]) for texts in (train, test))
    bayes = unseen @ _log_odds(seen, labels) > 0
    weights, bias = _logistic(seen, labels)
    logistic = unseen @ weights + bias > 0
    return _balanced(bayes, truth), _balanced(logistic, truth), dict(zip(vocabulary, weights.tolist(), strict=True))


def _grams(text: str) -> set[str]:
    return {text[at : at + size] for size in GRAMS for at in range(len(text) - size + 1)}


def _vocabulary(texts: Texts) -> dict[str, int]:
    """The n-grams that stand in two texts at least."""
    seen: dict[str, int] = {}
    for text, _ in texts:
        for gram in _grams(text):
            seen[gram] = seen.get(gram, 0) + 1
    return {gram: place for place, gram in enumerate(sorted(gram for gram, count in seen.items() if count > 1))}


def _matrix(texts: Texts, vocabulary: dict[str, int]) -> Any:
    """A sparse matrix, texts x n-grams: which stand where."""
    from scipy.sparse import csr_matrix

    columns = [sorted(vocabulary[gram] for gram in _grams(text) if gram in vocabulary) for text, _ in texts]
    ends = np.cumsum([0, *map(len, columns)])
    flat = np.array([place for row in columns for place in row], dtype=np.int32)
    return csr_matrix((np.ones(len(flat)), flat, ends), shape=(len(texts), len(vocabulary)))


def _log_odds(seen: Any, labels: Any) -> Any:
    """What each n-gram says for risk by naive Bayes; both classes count as equally likely."""
    counts = [np.asarray(seen[labels == label].sum(axis=0)).ravel() + 1 for label in (True, False)]
    return np.log(counts[0] / counts[0].sum()) - np.log(counts[1] / counts[1].sum())


def _logistic(seen: Any, labels: Any) -> tuple[Any, float]:
    """Weights and bias of logistic regression; both classes weigh alike."""
    from scipy.optimize import minimize

    signs = np.where(labels, 1.0, -1.0)
    each = np.where(labels, 0.5 / labels.sum(), 0.5 / (~labels).sum()) * len(labels)

    def loss(values: Any) -> tuple[float, Any]:
        weights, bias = values[:-1], values[-1]
        margins = signs * (seen @ weights + bias)
        slope = -each * signs / (1 + np.exp(np.clip(margins, -30, 30)))
        total = float(each @ np.logaddexp(0, -margins) + _PENALTY / 2 * weights @ weights)
        return total, np.append(seen.T @ slope + _PENALTY * weights, slope.sum())

    found = minimize(loss, np.zeros(seen.shape[1] + 1), jac=True, method="L-BFGS-B", options={"maxiter": 100}).x
    return found[:-1], float(found[-1])


def _balanced(said: Any, truth: Any) -> float:
    return float((said[truth].mean() + (~said[~truth]).mean()) / 2)
