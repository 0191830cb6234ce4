"""Rebuilds ``reports/examples/`` from the sample data: ``make examples``, and the test that keeps it fresh."""

from __future__ import annotations

import sys
from pathlib import Path

from abgap.lab.sample import generate
from abgap.pipeline.analysis import open_analysis
from abgap.pipeline.results import make_results
from abgap.records import Results
from abgap.resources import folder
from abgap.study.load import load_study

EXAMPLES = Path(__file__).resolve().parents[2] / "reports" / "examples"


def sample_results(directory: Path) -> Results:
    """The results of the sample study, whose data is made in ``directory`` when it is not there yet."""
    generate(directory)
    study = directory / "abgap.toml"
    if not study.exists():
        study.write_bytes((folder("sample_data") / "abgap.toml").read_bytes())
    with open_analysis(load_study(study), progress=lambda _: None) as analysis:
        return make_results(analysis)


if __name__ == "__main__":
    from abgap.report.write import write_report

    for path in write_report(sample_results(folder("sample_data")), EXAMPLES, formats=("html", "md")):
        sys.stdout.write(f"{path}\n")
