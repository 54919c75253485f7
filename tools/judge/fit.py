"""Linear models on the features of `local-v1`: softmax regression by L-BFGS, cross-validation, scaling."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_matrix, hstack

from anjian.judges.local.features import WIDTH, Seen

Array = NDArray[np.float64]
STRENGTH, OF_GUIDANCE = 1e-3, 5e-3  # of the L2 penalty
HASHED, DENSE = 3.0, 1.0  # what the two kinds of features are multiplied by, for refusal
FEWER, ADVICE = 0.3, 2.0  # the same for guidance, where n-grams tell the source rather than what is said
FEWEST = 2  # replies that have a feature
BALANCE = 0.5  # 0: every example counts alike; 1: every class does


def matrix(examples: Sequence[Seen], guidance: bool = False) -> csr_matrix:
    """One row a reply: hashed features first, dense ones behind."""
    by_hash, by_rest = (FEWER, ADVICE) if guidance else (HASHED, DENSE)
    starts = np.cumsum([0] + [len(one.ids) for one in examples])
    ids = np.concatenate([one.ids for one in examples]).astype(np.int64)
    values = np.concatenate([one.values for one in examples]).astype(np.float64)
    hashed = csr_matrix((values * by_hash, ids, starts), shape=(len(examples), WIDTH))
    rest = np.array([one.advice if guidance else one.dense for one in examples], dtype=np.float64)
    return csr_matrix(hstack([hashed, csr_matrix(rest * by_rest)]))


def softmax(logits: Array) -> Array:
    """Rows that sum to one."""
    parts = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(parts / parts.sum(axis=1, keepdims=True))


def fitted(features: csr_matrix, truth: NDArray[np.int64], classes: int, strength: float = STRENGTH) -> Array:
    """The weights, a column a class."""
    used = np.flatnonzero(np.bincount(features.indices, minlength=features.shape[1]) >= FEWEST)
    here = features[:, used]
    back = here.T.tocsr()
    goal = np.eye(classes)[truth]
    weight = (1 / np.maximum(np.bincount(truth, minlength=classes), 1)[truth]) ** BALANCE
    weight = weight / weight.sum()

    def loss(flat: Array) -> tuple[float, Array]:
        table = flat.reshape(len(used), classes)
        likely = softmax(here @ table)
        value = -(weight * np.log((likely * goal).sum(axis=1) + 1e-12)).sum() + strength / 2 * (flat @ flat)
        return float(value), np.asarray(back @ ((likely - goal) * weight[:, None]) + strength * table).ravel()

    found = minimize(loss, np.zeros(len(used) * classes), jac=True, method="L-BFGS-B", options={"maxiter": 120}).x
    whole = np.zeros((features.shape[1], classes))
    whole[used] = found.reshape(len(used), classes)
    return whole


def folds(groups: Sequence[str], n: int = 10) -> NDArray[np.int64]:
    """The fold of each row; a group lies in one fold."""
    names = sorted(set(groups))
    np.random.default_rng(11).shuffle(names)
    place = {name: number % n for number, name in enumerate(names)}
    return np.array([place[group] for group in groups])


def out_of_fold(
    features: csr_matrix, truth: NDArray[np.int64], classes: int, fold: NDArray[np.int64], strength: float = STRENGTH
) -> Array:
    """The logits of each row by a model that saw nothing of its fold; rows with truth −1 train nobody."""
    logits = np.zeros((len(truth), classes))
    for one in np.unique(fold):
        train = (fold != one) & (truth >= 0)
        logits[fold == one] = features[fold == one] @ fitted(features[train], truth[train], classes, strength)
    return logits


def scaled(logits: Array, truth: NDArray[np.int64]) -> tuple[float, Array]:
    """One factor and a shift a class that make the logits probabilities (vector scaling)."""
    classes = logits.shape[1]
    goal = np.eye(classes)[truth]

    def loss(flat: Array) -> tuple[float, Array]:
        likely = softmax(logits * flat[0] + flat[1:])
        gap = (likely - goal) / len(truth)
        value = -np.log((likely * goal).sum(axis=1) + 1e-12).mean() + 1e-3 * (flat[1:] @ flat[1:])
        return float(value), np.concatenate([[(gap * logits).sum()], gap.sum(axis=0) + 2e-3 * flat[1:]])

    found = minimize(loss, np.concatenate([[1.0], np.zeros(classes)]), jac=True, method="L-BFGS-B").x
    return float(found[0]), found[1:]


def kappa(said: NDArray[np.int64], truth: NDArray[np.int64]) -> float:
    """Cohen's κ."""
    n = max(int(said.max()), int(truth.max())) + 1
    table = np.zeros((n, n))
    np.add.at(table, (truth, said), 1)
    chance = (table.sum(axis=0) @ table.sum(axis=1)) / table.sum() ** 2
    return float((np.trace(table) / table.sum() - chance) / (1 - chance))
