"""The whole KPI-trap experiment: study and data, abgap's report on it, the pictures and the page of what was found."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from abgap.lab.kpi_trap.judged import Judged, judge
from abgap.lab.kpi_trap.manifestations import Manifestation, manifestations
from abgap.lab.kpi_trap.page import PAGE, page
from abgap.lab.kpi_trap.study import MADE_BY, SEED, write_study
from abgap.lab.scenarios.folder import refuse_foreign
from abgap.online.wide import Progress
from abgap.pipeline.analysis import open_analysis
from abgap.pipeline.results import make_results
from abgap.report.write import write_report
from abgap.study.load import load_study


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """What came of it. files: those to look at, the report first. page: the text of the page."""

    study: Path
    files: tuple[Path, ...]
    judged: Judged
    findings: tuple[Manifestation, ...]
    page: str


def make(directory: Path, seed: int = SEED, *, progress: Progress | None = None) -> Experiment:
    """Make everything in ``directory``; the same seed gives the same bytes.

    Raises UsageError when the folder holds what was not made in this way, and OSError.
    """
    # matplotlib is loaded where something is drawn.
    from abgap.lab.kpi_trap.pictures import draw_all  # noqa: PLC0415

    tell: Progress = progress or _silent
    refuse_foreign(directory, MADE_BY)
    tell("training models and writing what they say")
    directory.mkdir(parents=True, exist_ok=True)
    made = write_study(directory, seed=seed)
    with open_analysis(load_study(made.study), progress=tell) as analysis:
        results = make_results(analysis)
    judged = judge(made.models, results)
    tell("writing the report")
    files = write_report(results, directory)
    for name, picture in draw_all(made.models, made.test, results.curves, judged):
        files.append(directory / name)
        files[-1].write_text(picture, encoding="utf-8")
    text = page(judged, seed)
    files.append(directory / PAGE)
    files[-1].write_text(text, encoding="utf-8")
    return Experiment(
        study=made.study, files=tuple(files), judged=judged, findings=manifestations(judged), page=text
    )


def _silent(message: str) -> None:
    """Nobody wants to hear of it."""
