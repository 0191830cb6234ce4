"""How well a covariance of true effects explains measured ones: the restricted likelihood, for many at once.

True effects d of an arm on p axes are ``N(m, L)``, those of two arms of one experiment have the covariance ``alike L``:
they are variants of one idea. They are measured with sampling covariances that are known, between arms as well:
``d + error ~ N(1 m, V + A (x) L)``, A having 1, alike and 0. The means m are integrated out (restricted likelihood;
Jackson, White and Riley 2013 for several axes). Arms that hang together form a component; components of one size are
inverted together, for all candidates at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from abgap.records.moments import FloatArray
from abgap.stats.arrays import by_size
from abgap.stats.portfolio.effects import Effects, IndexArray

# Numbers in one array that is worked on: enough for numpy to be busy, few enough for the caches.
_AT_ONCE = 200_000
_ROUNDING = 1e-9


class Candidates(NamedTuple):
    """covariance: (N, p, p), of true effects. alike: (N,), their correlation between arms of one experiment."""

    covariance: FloatArray
    alike: FloatArray


class Sums(NamedTuple):
    """What a set of components adds to the likelihood, for each of N candidates.

    log_determinant, square: (N,). information: (N, p, p) on the means. score: (N, p).
    """

    log_determinant: FloatArray
    square: FloatArray
    information: FloatArray
    score: FloatArray

    def plus(self, other: Sums) -> Sums:
        """Both sets together."""
        return Sums(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))

    def minus(self, other: Sums) -> Sums:
        """What is left without a set that is part of this one."""
        return Sums(*(mine - theirs for mine, theirs in zip(self, other, strict=True)))


class Fitted(NamedTuple):
    """log_likelihood: (N,) restricted. mean: (N, p) of true effects. covariance: (N, p, p) of that mean's error."""

    log_likelihood: FloatArray
    mean: FloatArray
    covariance: FloatArray


def components(effects: Effects) -> list[IndexArray]:
    """Positions of arms of one experiment, and of those whose errors hang together, directly or through others."""
    arms, sizes = _hanging_together(effects)
    return np.split(arms, np.cumsum(sizes)[:-1]) if arms.size else []


def most_together(effects: Effects) -> int:
    """Arms of the largest component."""
    return int(_hanging_together(effects)[1].max(initial=0))


def _hanging_together(effects: Effects) -> tuple[IndexArray, IndexArray]:
    """Positions of arms, component after component, and how many each component has."""
    root = np.arange(len(effects))
    _, first, of = np.unique(effects.experiment, return_index=True, return_inverse=True)
    pairs = np.concatenate([effects.pairs, np.stack([first[of], root], axis=1)])
    while True:
        low = np.minimum(root[pairs[:, 0]], root[pairs[:, 1]])
        before = root.copy()
        for side in (0, 1):
            np.minimum.at(root, pairs[:, side], low)
        if np.array_equal(before, root):
            break
    return np.argsort(root, kind="stable"), np.unique(root, return_counts=True)[1]


def are_covariances(effects: Effects) -> bool:
    """Whether the errors of every component can be those of anything: no negative eigenvalue, but for rounding."""
    for stack in _stacked(effects, by_size(*_hanging_together(effects))):
        values = np.linalg.eigvalsh(stack.errors)
        if np.any(values[:, 0] < -_ROUNDING * values[:, -1]):
            return False
    return True


def sums_over(effects: Effects, truth: Candidates, chosen: Sequence[IndexArray] | None = None) -> Sums:
    """What arms add to the likelihood. chosen: components, all by default."""
    found = _hanging_together(effects) if chosen is None else _listed(chosen)
    p = effects.values.shape[1]
    n = len(truth.alike)
    total = Sums(np.zeros(n), np.zeros(n), np.zeros((n, p, p)), np.zeros((n, p)))
    for stack in _stacked(effects, by_size(*found)):
        for part in _chunks(len(stack.values), stack.errors.shape[1] ** 2 * n):
            add = _added_pairs if stack.errors.shape[1:] == (2, 2) and p == 2 else _added
            total = total.plus(add(_Stack(*(each[part] for each in stack)), truth))
    return total


def fitted(sums: Sums) -> Fitted:
    """The means that fit best, and the restricted log-likelihood up to a constant."""
    inverse, log_determinant = _inverse(sums.information)
    mean = np.einsum("nij,nj->ni", inverse, sums.score)
    square = sums.square - np.einsum("ni,ni->n", sums.score, mean)
    return Fitted(-0.5 * (sums.log_determinant + log_determinant + square), mean, inverse)


class _Stack(NamedTuple):
    """Components of one size. values: (c, n, p). errors: (c, n p, n p).

    same: (c, n, n), 1 for another arm of one experiment, else 0.
    """

    values: FloatArray
    errors: FloatArray
    same: FloatArray


def _listed(chosen: Sequence[IndexArray]) -> tuple[IndexArray, IndexArray]:
    """Components one after the other, and their sizes."""
    arms = np.concatenate(chosen) if chosen else np.zeros(0, dtype=np.intp)
    return arms, np.array([len(component) for component in chosen], dtype=np.intp)


def _stacked(effects: Effects, found: Sequence[IndexArray]) -> Iterator[_Stack]:
    """Components, size by size; found: those of one size in one array, a component in a row."""
    place = np.full(len(effects), -1)
    for arms in found:
        values = effects.values[arms]
        c, n, p = values.shape
        errors = np.zeros((c, n, p, n, p))
        of, at = np.divmod(np.arange(c * n), n)
        errors[of, at, :, at, :] = effects.covariances[arms.ravel()]
        place[arms.ravel()] = np.arange(c * n)
        inside = (place[effects.pairs] >= 0).all(axis=1)
        first, second = place[effects.pairs[inside]].T
        shared = effects.shared[inside]
        errors[first // n, first % n, :, second % n, :] = shared
        errors[first // n, second % n, :, first % n, :] = shared.transpose(0, 2, 1)
        place[arms.ravel()] = -1
        experiment = effects.experiment[arms]
        same = (experiment[:, :, None] == experiment[:, None, :]) & ~np.eye(n, dtype=bool)
        yield _Stack(values, errors.reshape(c, n * p, n * p), same.astype(np.float64))


def _chunks(rows: int, numbers_per_row: int) -> Iterator[slice]:
    step = max(_AT_ONCE // max(numbers_per_row, 1), 1)
    return (slice(start, start + step) for start in range(0, rows, step))


def _added(stack: _Stack, truth: Candidates) -> Sums:
    """Sums over components of one size."""
    c, n, p = stack.values.shape
    between = np.eye(n) + truth.alike[:, None, None, None] * stack.same
    whole = np.einsum("acnm,aij->acnimj", between, truth.covariance).reshape(-1, c, n * p, n * p)
    weight, log_determinant = _inverse(stack.errors + whole)
    flat = stack.values.reshape(c, n * p)
    pulled = np.einsum("ncij,cj->nci", weight, flat)
    blocks = weight.reshape(-1, c, n, p, n, p)
    return Sums(
        log_determinant.sum(axis=1),
        np.einsum("nci,ci->n", pulled, flat),
        blocks.sum(axis=(1, 2, 4)),
        pulled.reshape(-1, c, n, p).sum(axis=(1, 2)),
    )


def _added_pairs(stack: _Stack, truth: Candidates) -> Sums:
    """The same for single arms on two axes, by products of matrices: thousands of arms take a moment.

    The inverse of a 2 x 2 matrix is linear in its entries but for the determinant, and that is linear in those of L.
    """
    x, y = stack.values[:, 0].T
    own, between, other = stack.errors[:, 0, 0], stack.errors[:, 0, 1], stack.errors[:, 1, 1]
    xx, xy, yy = (truth.covariance[:, i, j] for i, j in ((0, 0), (0, 1), (1, 1)))
    of_truth = np.stack([np.ones_like(xx), xx, yy, xy, xx * yy - xy**2], axis=1)
    of_arms = np.stack([own * other - between**2, other, own, -2.0 * between, np.ones_like(own)])
    determinant = of_truth @ of_arms
    columns = [
        np.ones_like(x), other, between, own,
        x, y, other * x - between * y, own * y - between * x,
        x * x, x * y, y * y, other * x * x - 2.0 * between * x * y + own * y * y,
    ]  # fmt: skip
    one, d, b, a, sx, sy, left, right, sxx, sxy, syy, square = (
        (1.0 / determinant) @ np.stack(columns, axis=1)
    ).T
    mixed = -b - xy * one
    information = np.stack(
        [np.stack([d + yy * one, mixed], axis=1), np.stack([mixed, a + xx * one], axis=1)], axis=1
    )
    return Sums(
        np.log(determinant).sum(axis=1),
        square + yy * sxx - 2.0 * xy * sxy + xx * syy,
        information,
        np.stack([left + yy * sx - xy * sy, right + xx * sy - xy * sx], axis=1),
    )


def _inverse(matrix: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Inverses and log-determinants of symmetric positive definite matrices, the last two axes."""
    size = matrix.shape[-1]
    if size == 1:
        return 1.0 / matrix, np.log(matrix[..., 0, 0])
    if size == 2:
        one, both, two = matrix[..., 0, 0], matrix[..., 0, 1], matrix[..., 1, 1]
        determinant = one * two - both**2
        inverse = np.empty_like(matrix)
        inverse[..., 0, 0], inverse[..., 1, 1] = two / determinant, one / determinant
        inverse[..., 0, 1] = inverse[..., 1, 0] = -both / determinant
        return inverse, np.log(determinant)
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64), np.asarray(np.linalg.slogdet(matrix)[1])
