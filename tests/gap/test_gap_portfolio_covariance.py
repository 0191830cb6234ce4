"""What is said of the slope and correlation of a pair over experiments, and when it is words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from abgap.gap.portfolio.analysis import analyse_portfolio
from abgap.gap.portfolio.covariance import Corrected, noise_corrected
from abgap.gap.portfolio.data import Axis, AxisKind, PortfolioData
from abgap.gap.portfolio.transfer import Transfers
from abgap.records import Interval, NotEstimable, Portfolio, Reason
from abgap.records.portfolio import NoiseCorrected
from abgap.stats.portfolio.effects import Effects
from abgap.stats.portfolio.errors_in_variables import york_line
from abgap.stats.portfolio.signal_intervals import Signal
from abgap.stats.portfolio.total_covariance import total_covariance


def made(
    k: int = 12, *, gain_error: float = 0.3, lift_error: float = 0.15, slope: float = 0.5, own: float = 0.25,
    kind: AxisKind = AxisKind.OFFLINE, noise: str | None = "unknown", seed: int = 3,
) -> PortfolioData:  # fmt: skip
    rng = np.random.default_rng(seed)
    gain = rng.normal(size=k)
    lift = 0.1 + slope * gain + own * rng.normal(size=k)
    errors = np.array([gain_error, lift_error])
    values = np.stack([gain, lift], -1) + errors * rng.normal(size=(k, 2))
    effects = Effects(
        values=values,
        covariances=np.tile(np.diag(errors**2), (k, 1, 1)),
        experiment=np.arange(k),
        pairs=np.zeros((0, 2), dtype=np.intp),
        shared=np.zeros((0, 2, 2)),
    )
    predictor = Axis(name="<b>ndcg</b>", kind=kind, noise=noise if kind is AxisKind.PROXY else None)
    return PortfolioData(
        axes=(predictor, Axis(name="revenue", kind=AxisKind.BUSINESS, noise=noise)),
        effects=effects,
        names=tuple(f"e{i}" for i in range(k)),
        treatment=np.full(k, "B", dtype=object),
        trusted=np.ones(k, dtype=bool),
        significant=np.zeros((k, 2)),
        level=np.full((k, 2), np.nan),
        units=np.full((k, 2), 1000.0),
        days=np.full(k, 14.0),
        starts=(None,) * k,
        tags=((),) * k,
        alpha=0.05,
        seed=1,
    )


def record(found: Corrected) -> NoiseCorrected:
    assert found.record is not None
    return found.record


def refused(value: object) -> NotEstimable:
    assert isinstance(value, NotEstimable)
    return value


def test_the_record_holds_what_the_statistics_found() -> None:
    data = made()
    found = record(noise_corrected(data, 0, 1))
    signal = Signal.of(data.effects, 0.05)
    slope, correlation = signal.slope(), signal.correlation()
    assert isinstance(found.slope, Interval)
    assert isinstance(found.correlation, Interval)
    assert slope is not None
    assert correlation is not None
    assert (found.slope.estimate, found.slope.low, found.slope.high) == (
        slope.estimate,
        slope.low,
        slope.high,
    )
    assert (found.correlation.low, found.correlation.high) == (correlation.low, correlation.high)
    assert found.signal_xx is not None
    assert found.noise_xx is not None
    assert found.observed_xx == pytest.approx(found.noise_xx + found.signal_xx)
    assert isinstance(found.reliability_x, Interval)
    assert found.reliability_x.estimate == pytest.approx(found.signal_xx / found.observed_xx)
    assert found.slope.level == 0.95


def test_york_and_deming_stand_beside_and_say_what_they_assume() -> None:
    data = made()
    lines = {line.method: line for line in record(noise_corrected(data, 0, 1)).sensitivity}
    assert list(lines) == ["york", "deming"]
    york = york_line(data.effects.values, data.effects.covariances)
    assert york is not None
    assert isinstance(lines["york"].slope, Interval)
    assert lines["york"].slope.estimate == york.slope
    assert (lines["york"].chi_square, lines["york"].df) == (york.chi_square, 10)
    assert "further off it than their errors make" in lines["york"].sentence
    near = made(own=0.0, gain_error=0.2, seed=5)
    sentence = record(noise_corrected(near, 0, 1)).sensitivity[0].sentence
    assert "no further off it than their errors make" in sentence


def test_an_unknown_noise_correlation_of_two_online_metrics_is_a_range_of_slopes() -> None:
    data = made(kind=AxisKind.PROXY, gain_error=0.4, lift_error=0.3, k=30)
    found = record(noise_corrected(data, 0, 1))
    assumed = [line for line in found.sensitivity if line.method.startswith("noise correlation")]
    assert [line.method for line in assumed] == [
        f"noise correlation {x}" for x in ("\u22120.3", "0.3", "0.6", "0.9")
    ]
    slopes = [line.slope.estimate for line in assumed if isinstance(line.slope, Interval)]
    assert len(slopes) == 4
    assert slopes == sorted(slopes, reverse=True), "the more of the covariance is noise, the less is signal"
    total = Signal.of(data.effects, 0.05).total
    shift = 0.6 * 0.4 * 0.3 / total.signal[0, 0]
    assert isinstance(found.slope, Interval)
    assert slopes[2] == pytest.approx(found.slope.estimate - shift)
    (said,) = noise_corrected(data, 0, 1).notes
    assert "how their errors go together is not known (noise_correlation): they count as unrelated" in said
    assert f"with a slope of {found.slope.estimate:.2f}; were their correlation 0.9, " in said
    assert said.endswith(f"the slope would be {slopes[3]:.2f}.".replace("-", "\u2212"))
    for known in ("units", "folds", "declared"):
        assert not noise_corrected(made(kind=AxisKind.PROXY, noise=known, k=30), 0, 1).notes
        lines = record(noise_corrected(made(kind=AxisKind.PROXY, noise=known), 0, 1)).sensitivity
        assert [line.method for line in lines] == ["york", "deming"]


def test_fewer_than_five_experiments_have_words_and_fewer_than_ten_a_note() -> None:
    few = noise_corrected(made(4), 0, 1)
    assert few.record is None
    assert few.refusals == ("No correlation and no slope: 4 experiments, at least 5 are needed.",)
    some = noise_corrected(made(7), 0, 1)
    assert isinstance(record(some).correlation, Interval)
    assert some.notes == ("7 experiments say little: the intervals are wide.",)
    unknown = made(7)
    bare = replace(unknown.effects, covariances=np.full((7, 2, 2), np.nan))
    assert noise_corrected(replace(unknown, effects=bare), 0, 1).notes == ()
    assert noise_corrected(made(10), 0, 1).notes == ()


def test_arms_of_one_experiment_are_one_experiment() -> None:
    data = made(12)
    one = replace(data, effects=replace(data.effects, experiment=np.zeros(12, dtype=np.intp)))
    assert noise_corrected(one, 0, 1).refusals == (
        "No correlation and no slope: 1 experiment, at least 5 are needed.",
    )


def test_without_standard_errors_the_reliability_of_that_axis_alone_is_unknown() -> None:
    data = made()
    covariances = data.effects.covariances.copy()
    covariances[:, 0, :] = covariances[:, :, 0] = np.nan
    found = noise_corrected(replace(data, effects=replace(data.effects, covariances=covariances)), 0, 1)
    corrected = record(found)
    assert refused(corrected.reliability_x).reason is Reason.NO_INTERVAL_GIVEN
    assert isinstance(corrected.reliability_y, Interval)
    assert refused(corrected.slope).reason is Reason.NO_INTERVAL_GIVEN
    assert corrected.signal_xx is None
    assert corrected.signal_yy is not None
    assert corrected.observed_correlation is not None
    assert found.refusals == (
        "No correlation and no slope: standard errors of gains are not known, nor is their reliability.",
    )
    covariances[:] = np.nan
    both = record(
        noise_corrected(replace(data, effects=replace(data.effects, covariances=covariances)), 0, 1)
    )
    assert "errors of lifts are" in refused(both.reliability_y).detail
    assert "errors of gains and of lifts are" in refused(both.slope).detail


def test_a_few_arms_without_errors_are_left_out_and_counted() -> None:
    data = made(12)
    covariances = data.effects.covariances.copy()
    covariances[:2] = np.nan
    found = noise_corrected(replace(data, effects=replace(data.effects, covariances=covariances)), 0, 1)
    assert isinstance(record(found).slope, Interval)
    assert found.notes == ("2 arms without standard errors have no part in what is noise-corrected.",)


def test_no_signal_is_said_with_its_eigenvalue() -> None:
    data = made()
    errors = np.tile(np.diag([0.09, 9.0]), (12, 1, 1))
    found = noise_corrected(replace(data, effects=replace(data.effects, covariances=errors)), 0, 1)
    corrected = record(found)
    assert corrected.smallest_eigenvalue is not None
    assert corrected.smallest_eigenvalue < 0
    assert refused(corrected.slope).reason is Reason.NO_SIGNAL
    assert "no detectable signal between experiments" in found.refusals[0]
    assert "smallest eigenvalue \u2212" in found.refusals[0]


def test_what_is_mostly_noise_is_not_corrected() -> None:
    data = made(k=40, own=0.0)
    shown = Signal.of(data.effects, 0.05).total
    # Errors that leave a tenth of what is observed of lifts as signal.
    errors = np.diag([0.09, 0.9 * shown.observed[1, 1]])
    found = noise_corrected(
        replace(data, effects=replace(data.effects, covariances=np.tile(errors, (40, 1, 1)))), 0, 1
    )
    assert refused(record(found).correlation).reason is Reason.NOT_RELIABLE
    assert "a share of 0.10 is signal, at least 0.2 is needed" in found.refusals[0]


def test_a_correlation_beyond_one_is_refused_and_the_slope_stays() -> None:
    data = made(own=0.0)
    errors = np.diag([0.09, 0.9 * 0.25])
    wide = replace(data, effects=replace(data.effects, covariances=np.tile(errors, (12, 1, 1))))
    found = noise_corrected(wide, 0, 1)
    corrected = record(found)
    assert corrected.smallest_eigenvalue is not None
    assert corrected.smallest_eigenvalue < 0
    assert isinstance(corrected.slope, Interval)
    assert refused(corrected.correlation).reason is Reason.NO_SIGNAL
    assert "beyond 1 (smallest eigenvalue" in found.refusals[0]
    assert found.refusals[0].endswith("; the slope stands, because gains clearly differ beyond their errors.")


def test_a_correlation_beyond_one_takes_the_slope_along_where_gains_may_not_differ() -> None:
    told = total_covariance(made(own=0.0).effects).observed
    # Three quarters of what is observed of gains are errors: their reliability may be 0.
    errors = np.tile(np.diag([0.75 * told[0, 0], 0.5 * told[1, 1]]), (12, 1, 1))
    data = made(own=0.0)
    found = noise_corrected(replace(data, effects=replace(data.effects, covariances=errors)), 0, 1)
    corrected = record(found)
    assert isinstance(corrected.reliability_x, Interval)
    assert corrected.reliability_x.low == 0.0
    assert refused(corrected.slope).reason is Reason.NO_SIGNAL
    assert found.refusals[0].startswith(
        "No slope: no detectable signal between experiments: gains may differ by no more than their errors make "
        "(smallest eigenvalue \u2212"
    )
    assert "stands" not in found.refusals[1]


def test_effects_that_are_all_the_same_have_no_reliability() -> None:
    data = made()
    values = data.effects.values.copy()
    values[:, 1] = 0.1
    found = record(noise_corrected(replace(data, effects=replace(data.effects, values=values)), 0, 1))
    assert refused(found.reliability_y).reason is Reason.ZERO_VARIANCE
    assert found.observed_correlation is None


def test_the_portfolio_says_it_of_its_first_pair() -> None:
    counted = Portfolio(n_experiments=12, verdicts={}, nine_cells=(), refusals=())
    data, few_data = made(), made(4)
    found = analyse_portfolio(counted, data, Transfers(data))
    assert found.pairs[0].noise_corrected is not None
    assert found.slope == found.pairs[0].noise_corrected.slope
    assert found.correlation == found.pairs[0].noise_corrected.correlation
    few = analyse_portfolio(counted, few_data, Transfers(few_data))
    assert few.slope is None
    assert few.pairs[0].refusals
