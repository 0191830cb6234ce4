"""Which pairs of models are shown: who stands beside another model as its baseline is not shown alone as well."""

from __future__ import annotations

from typing import TypeVar

_T = TypeVar("_T")
Pair = tuple[str, str | None]


def without_known_baselines(pairs: dict[Pair, _T]) -> dict[Pair, _T]:
    """The pairs without models that are held against none but whose values stand as a baseline elsewhere."""
    baselines = {baseline for _, baseline in pairs}
    return {(m, b): found for (m, b), found in pairs.items() if b is not None or m not in baselines}
