"""A scenario made and analysed by the code of ``abgap gap``, with what was planted beside what was found."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from abgap.lab.scenarios.base import PlantedTruth, Scenario, Strength
from abgap.lab.scenarios.folder import STUDY, make_scenario
from abgap.online.wide import Progress
from abgap.pipeline.analysis import Analysis, open_analysis
from abgap.records import Finding, FindingStatus, Gap
from abgap.study.load import load_study


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosed:
    """One experiment of a scenario: what was planted in it, and the pair that it was planted in, with its reasons."""

    planted: PlantedTruth
    gap: Gap

    @property
    def supported(self) -> tuple[Finding, ...]:
        """What the diagnosis holds for the reasons."""
        return tuple(f for f in self.gap.reasons if f.status is FindingStatus.SUPPORTED)

    @property
    def missed(self) -> tuple[str, ...]:
        """Planted reasons that are not supported."""
        found = {finding.name for finding in self.supported}
        return tuple(name for name in self.planted.reasons if name not in found)

    @property
    def false_alarms(self) -> tuple[str, ...]:
        """Supported reasons that were not planted."""
        return tuple(f.name for f in self.supported if f.name not in self.planted.reasons)


@contextmanager
def run_scenario(
    scenario: Scenario,
    *,
    seed: int,
    strength: Strength,
    replicates: int,
    progress: Progress,
    place: Path | None = None,
) -> Iterator[tuple[Analysis, tuple[Diagnosed, ...]]]:
    """Make a scenario and diagnose it. place: where it is kept; without one it vanishes with the block."""
    with tempfile.TemporaryDirectory(prefix="abgap-lab-") as name:
        place = Path(name) / scenario.name if place is None else place
        progress(f"making {scenario.name}")
        truth = make_scenario(scenario, place, seed=seed, strength=strength, replicates=replicates)
        with open_analysis(load_study(place / STUDY), progress=progress) as analysis:
            yield analysis, beside_truth(truth, analysis.diagnosed.gaps)


def beside_truth(truth: Sequence[PlantedTruth], gaps: Sequence[Gap]) -> tuple[Diagnosed, ...]:
    """The pairs in which something was planted, or nothing on purpose, in the order of the truth."""
    by_key = {(gap.experiment, gap.treatment, gap.offline_metric, gap.business_metric): gap for gap in gaps}
    return tuple(
        Diagnosed(
            planted=each,
            gap=by_key[each.experiment, each.treatment, each.offline_metric, each.business_metric],
        )
        for each in truth
    )
