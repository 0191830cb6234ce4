"""What is wrong in a study file, and the draft of a study that is being checked.

A ``Flaw`` keeps its place as a tuple of keys, so that places can be compared; ``Problem`` is the same for
the reader. A ``Draft`` is what could be understood of a file: rules run over it even when other parts are
broken.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from abgap.errors import Problem
from abgap.study.model import Study
from abgap.study.toml import Loc, dotted, quoted

_MOST_LISTED = 12
BASES = ("exposures", "unit_values", "moments")
_OF_EXPERIMENTS = ("experiments", "facts", "units", "metrics", "funnels", "gap", "portfolio")


class Flaw(NamedTuple):
    """One thing wrong: where (keys and list positions), what, and what to do."""

    loc: Loc
    message: str
    hint: str | None = None

    def problem(self) -> Problem:
        """The flaw as the reader gets it, with a dotted path."""
        return Problem(path=dotted(self.loc), message=self.message, hint=self.hint)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What could be understood of a study file.

    study: the parts that are valid. declared: the file as written, broken parts included, so that no rule
    calls something missing that stands in the file but is broken.
    """

    study: Study
    declared: Mapping[str, object]

    def declares(self, *loc: str | int) -> bool:
        """Whether the file has something at this place, valid or not."""
        here: object = self.declared
        for part in loc:
            if not isinstance(here, Mapping) or part not in here:
                return False
            here = here[part]
        return True

    def names(self, *loc: str | int) -> tuple[str, ...]:
        """The names declared at this place: of the metrics for ``names("metrics")``."""
        here: object = self.declared
        for part in loc:
            here = here.get(part, {}) if isinstance(here, Mapping) else {}
        return tuple(here) if isinstance(here, Mapping) else ()

    @property
    def is_offline_only(self) -> bool:
        """Whether it is about models alone: nothing of experiments stands in it."""
        return self.declares("offline") and not any(map(self.declares, (*BASES, *_OF_EXPERIMENTS)))

    @property
    def has_effects_alone(self) -> bool:
        """Whether ready-made effects are all that is known of experiments."""
        return self.declares("portfolio", "effects") and not any(map(self.declares, BASES))

    @property
    def base(self) -> str | None:
        """The one source that holds the units, None when there is none or more than one."""
        declared = [base for base in BASES if self.declares(base)]
        return declared[0] if len(declared) == 1 else None


def nearest(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The known word closest to ``word`` without regard to case, or None when none is close."""
    folded: dict[str, str] = {}
    for name in known:
        folded.setdefault(name.casefold(), name)
    close = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=cutoff)
    return folded[close[0]] if close else None


def suggestion(word: str, known: Sequence[str]) -> str | None:
    """A hint that names the nearest known word, or lists the known ones."""
    close = nearest(word, known)
    if close is not None:
        return f"did you mean {quoted(close)}?"
    if not known:
        return None
    listed = ", ".join(quoted(name) for name in known[:_MOST_LISTED])
    return f"known are {listed}" + (", ..." if len(known) > _MOST_LISTED else "")
