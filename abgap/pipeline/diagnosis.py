"""Why gains got lost: the reasons' own queries run as stages, and every pair diagnosed with what was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from abgap.gap.diagnosis import diagnose, with_next_steps
from abgap.gap.reasons import REASONS
from abgap.gap.reasons.evidence import Evidence
from abgap.gap.reasons.reason import Reading, Reason
from abgap.online.balance import denominators_of, lifts_before_exposure
from abgap.pipeline.model_facts import facts_of_models
from abgap.pipeline.stages import Stage
from abgap.records import Estimable
from abgap.study.procedure import procedure_of

if TYPE_CHECKING:
    from abgap.engine.protocol import Relation
    from abgap.gap.analysis import GapAnalysis
    from abgap.pipeline.analysis import Analysis


class DiagnosisStages:
    """The diagnosis of one analysis."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self.relations: dict[str, Relation] = {}

    def diagnosed(self) -> GapAnalysis:
        """The gaps with their reasons; without a query where no pair is declared."""
        analysis, gaps = self._analysis, self._analysis.gaps
        if not gaps.gaps:
            return gaps
        analysis.progress("testing reasons")
        evidence = self._evidence()
        diagnosed = diagnose(analysis.study, gaps.gaps, evidence.facts, evidence)
        return replace(gaps, gaps=diagnosed, decide=lambda: with_next_steps(gaps.experiments, diagnosed))

    def _evidence(self) -> Evidence:
        analysis, offline = self._analysis, self._analysis.offline
        return Evidence(
            estimates=analysis.estimates,
            heterogeneity=analysis.heterogeneity,
            trends=analysis.trends,
            offline=offline.rows,
            sweeps=offline.sweeps,
            twins=offline.twins,
            checks=(*analysis.checks, *analysis.activity_checks),
            gaps=analysis.gaps.gaps,
            models=facts_of_models(offline.models),
            live=analysis.live.quality,
            facts={each.name: each for each in analysis.facts},
            mixes=analysis.live.quality.mixes,
            before=self._before(),
            denominators=denominators_of(analysis.moments, analysis.controls),
            read=self._read(),
        )

    def _before(self) -> Mapping[tuple[str, str, str], Estimable]:
        analysis = self._analysis
        metrics = {
            name: m for name, m in analysis.study.metrics.items() if name in analysis.study.gap.business
        }
        return lifts_before_exposure(
            analysis.moments, analysis.controls, metrics, procedure_of(analysis.study)
        )

    def _read(self) -> Mapping[str, object]:
        reading = self._reading()
        return {reason.name: self._of_reason(reason, reading) for reason in REASONS if reason.read}

    def _of_reason(self, reason: Reason, reading: Reading) -> object:
        read = reason.read
        if read is None:
            return None
        found = self._analysis.stages.result(
            Stage(
                name=f"reason {reason.name}",
                sources=reason.sources,
                parts=reason.parts,
                more=self._analysis.offline.comparisons,
            ),
            lambda: read(reading),
            reason.relations,
        )
        self.relations |= reason.relations(found)
        return found

    def _reading(self) -> Reading:
        analysis = self._analysis
        return Reading(
            engine=analysis.engine,
            study=analysis.study,
            directory=analysis.directory,
            pairs=tuple(analysis.offline.comparisons),
            open_rankings=analysis.offline.open_rankings,
        )
