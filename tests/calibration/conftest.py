"""What the calibration page was written from."""

from __future__ import annotations

from pathlib import Path

import pytest

from abgap.lab.calibration.measured import Measured
from abgap.lab.calibration.recorded import from_json

# A comparison that comes out the other way on another machine moves a rate by one experiment.
SAME = 0.002


@pytest.fixture(scope="session")
def recorded() -> dict[str, list[Measured]]:
    """The rates of the page, by group."""
    return from_json((Path(__file__).parent / "recorded.json").read_text(encoding="utf-8"))


def check_group(measured: list[Measured], recorded: list[Measured]) -> None:
    """Every rate holds or is warned of, and is the one of the page."""
    assert measured
    broken = [rate for rate in measured if not rate.holds and not rate.is_warned]
    assert broken == [], "neither within three standard errors of the nominal rate, nor warned of"
    places = [(rate.group, rate.case, rate.units, rate.what, rate.nominal) for rate in measured]
    assert len(set(places)) == len(places)
    hint = "the page is old: run python -m abgap.lab.calibration"
    assert places == [(r.group, r.case, r.units, r.what, r.nominal) for r in recorded], hint
    for now, then in zip(measured, recorded, strict=True):
        assert now.rate == pytest.approx(then.rate, abs=SAME), hint
        assert now.runs == pytest.approx(then.runs, rel=SAME), hint
        assert now.warned == pytest.approx(then.warned, abs=0.01), hint
