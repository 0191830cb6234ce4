"""What the study file may say already, although this version of abgap cannot do it yet.

Such a part is refused in words, with exit code 2. Leaving it out of the numbers in silence would be worse
than having no numbers.
"""

from __future__ import annotations

from collections.abc import Iterator

from abgap import __version__
from abgap.study.flaws import Draft, Flaw
from abgap.study.toml import Loc


def _unsupported(loc: Loc, what: str, *, instead: str = "remove it") -> Flaw:
    return Flaw(loc, f"{what} not supported yet by abgap {__version__}", instead)


def unsupported_parts(draft: Draft) -> Iterator[Flaw]:
    """Every part of the draft that this version would have to ignore."""
    study = draft.study
    rankings = study.offline.rankings
    for role in ("position", "propensity"):
        if rankings is not None and role in rankings.columns:
            yield _unsupported(
                ("offline", "rankings", "columns", role), "weighing by where items were shown is"
            )
