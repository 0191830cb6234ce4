"""The stages of quality in production: live sources measured once the units of the experiments are enrolled."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from abgap.pipeline.stages import Stage
from abgap.records.live import LiveQuality

if TYPE_CHECKING:
    from abgap.engine.protocol import Relation
    from abgap.offline.live.reporting import Findings
    from abgap.pipeline.analysis import Analysis
    from abgap.records import Check

_PARTS = ("study", "live", "offline", "offline_metrics", "gap")


class LiveStages:
    """The live side of one analysis."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._study = analysis.study

    @cached_property
    def quality(self) -> LiveQuality:
        """What every model was worth in every arm."""
        found = self._found
        return LiveQuality(
            intakes=tuple(each.intake for each in found),
            models=tuple(model for each in found for model in each.models),
        )

    @property
    def relations(self) -> dict[str, Relation]:
        """The live sources that were opened, by their key in the study."""
        return {each.intake.source: each.relation for each in self._found}

    @cached_property
    def checks(self) -> list[Check]:
        """What live sources lack, and whether quality changed its level."""
        if not self._found:
            return []
        from abgap.offline.live.days import quality_checks
        from abgap.offline.live.remarks import intake_checks

        quality = self.quality
        return [*intake_checks(quality), *quality_checks(quality.models, self._study.study.alpha)]

    @cached_property
    def _found(self) -> tuple[Findings, ...]:
        live, found = self._study.live, []
        if live.predictions is not None:
            found.append(self._predictions())
        if live.rankings is not None:
            found.append(self._lists())
        return tuple(found)

    def _lists(self) -> Findings:
        from abgap.offline.live.lists import measure_lists

        analysis = self._analysis
        analysis.progress("measuring live lists")

        def compute() -> Findings:
            _ = analysis.made_wide
            analysis.offline.open_rankings()
            return measure_lists(analysis.engine, self._study, analysis.directory, analysis.served)

        keys = ("rankings", "judgements", "items", "queries")
        return analysis.stages.result(
            self._stage("live lists", "live.rankings", *(f"offline.{key}" for key in keys)),
            compute,
            lambda found: {found.intake.source: found.relation},
        )

    def _predictions(self) -> Findings:
        from abgap.offline.live.predictions import measure_predictions

        analysis = self._analysis
        analysis.progress("measuring live predictions")

        def compute() -> Findings:
            # Requests belong to the units that were enrolled.
            _ = analysis.made_wide
            return measure_predictions(analysis.engine, self._study, analysis.directory, analysis.served)

        return analysis.stages.result(
            self._stage("live predictions", "live.predictions", "offline.predictions"),
            compute,
            lambda found: {found.intake.source: found.relation},
        )

    def _stage(self, name: str, *sources: str) -> Stage:
        of_units = self._analysis.of_units(name)
        return Stage(
            name=name,
            sources=(*of_units.sources, *sources),
            parts=(*of_units.parts, *_PARTS),
            more=[list(each.models.items()) for each in self._analysis.served],
        )
