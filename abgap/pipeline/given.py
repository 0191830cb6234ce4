"""What comes ready for the portfolio: effects computed elsewhere, and offline gains among the moments."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from abgap.pipeline.stages import Stage

if TYPE_CHECKING:
    from abgap.engine.protocol import Relation
    from abgap.gap.given_gains import GivenGains
    from abgap.online.given_effects import GivenEffects
    from abgap.pipeline.measured import MeasuredUnits
    from abgap.records import Moments

_SOURCE = "portfolio.effects"


class GivenStages:
    """Ready-made effects and gains of one analysis."""

    def __init__(self, analysis: MeasuredUnits) -> None:
        self._analysis = analysis
        self._study = analysis.study

    @cached_property
    def effects(self) -> GivenEffects:
        """The effects of [portfolio.effects], each with its arm; none without."""
        from abgap.online.given_effects import no_effects, with_arms

        read = self._read
        if read is None:
            return no_effects()
        return with_arms(read[0], {facts.name: facts.treatments for facts in self._analysis.facts})

    @cached_property
    def _read(self) -> tuple[GivenEffects, Relation] | None:
        source, analysis = self._study.portfolio.effects, self._analysis
        if source is None:
            return None
        from abgap.online.given_effects import read_effects

        analysis.progress("reading effects")
        timezone = self._study.study.timezone
        return analysis.stages.result(
            Stage(name="effects", sources=(_SOURCE,), parts=("portfolio",)),
            lambda: read_effects(analysis.engine, source, analysis.directory, timezone=timezone),
            lambda found: {_SOURCE: found[1]},
        )

    @cached_property
    def gains(self) -> GivenGains:
        """Offline gains of arms: of the moments first, then those computed elsewhere."""
        from abgap.gap.given_gains import gains_of_effects, gains_of_moments, joined, no_gains

        imported = self._analysis.imported
        of_moments = no_gains()
        if imported is not None:
            rows = imported[0].take(self.rows_of_gains(imported[0]))
            of_moments = gains_of_moments(self._study, rows, self._analysis.controls)
        return joined(of_moments, gains_of_effects(self._study, self.effects))

    def rows_of_gains(self, moments: Moments) -> npt.NDArray[np.bool_]:
        """The rows of offline metrics: of metrics of the gap that are none of the study's own."""
        names = set(self._study.gap.offline) - set(self._study.metrics)
        if not names:
            return np.zeros(len(moments), dtype=bool)
        from abgap.online.codes import coded

        return coded(moments.metric).where(lambda name: name in names)

    @property
    def relations(self) -> dict[str, Relation]:
        """The source that was opened, by its key in the study."""
        return {} if self._read is None else {_SOURCE: self._read[1]}
