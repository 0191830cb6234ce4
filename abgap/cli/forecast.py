"""``abgap forecast``: what would this offline gain bring, and is it worth a test?"""

from __future__ import annotations

import math
from pathlib import Path

import click

from abgap.cli import options
from abgap.cli.opening import analysis_of
from abgap.cli.output import put_record


def _gain(_: click.Context, __: click.Parameter, text: str) -> tuple[str, float]:
    """A metric and its gain: ``ndcg@10=+0.03``."""
    metric, _equals, number = text.rpartition("=")
    if not metric:
        raise click.BadParameter(f"give a metric and its gain, such as ndcg@10=+0.03, not {text!r}")
    try:
        gain = float(number)
    except ValueError:
        gain = math.nan
    if not math.isfinite(gain):
        shares = "; shares are fractions, 0.03 for 3 %" if "%" in number else ""
        raise click.BadParameter(
            f"{number!r} is no number; give a metric and its gain, such as ndcg@10=+0.03{shares}"
        )
    return metric, gain


def _error(_: click.Context, __: click.Parameter, error: float | None) -> float | None:
    """A standard error, which "not a number" passes for where only a range is asked for."""
    if error is not None and not math.isfinite(error):
        raise click.BadParameter(f"{error} is no number")
    return error


@options.command(
    "forecast",
    examples=[
        "abgap forecast --offline-gain ndcg@10=+0.03",
        "abgap forecast --offline-gain ndcg@10=+0.03 --standard-error 0.004 --business revenue_per_user",
        "abgap forecast --offline-gain clicks_per_session=+0.02",
        "abgap forecast --offline-gain rmse=-0.02 --json",
    ],
)
@click.option(
    "--offline-gain",
    "asked",
    metavar="METRIC=GAIN",
    required=True,
    callback=_gain,
    help="The gain, treatment model minus baseline, in the metric's own units; of a proxy its lift, 0.02 for 2 %.",
)
@click.option("--business", metavar="METRIC", help="The business metric. Default: the first one of [gap].")
@click.option(
    "--standard-error",
    type=click.FloatRange(min=0.0),
    metavar="NUMBER",
    callback=_error,
    help="With which the gain was measured, in its units; it is then shrunk first. Default: the gain is exact.",
)
@options.study_option
@options.json_option
@options.quiet_option
def command(
    study_file: Path | None, asked: tuple[str, float], business: str | None, standard_error: float | None,
    *, as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    """Say what an offline gain is expected to bring, from what the gains of past experiments brought.

    Expected lift with its prediction interval, the chance that it is above zero, money, the size of a test, and whether
    to test.
    """
    from abgap.pipeline.forecasting import make_forecast  # noqa: PLC0415 - commands load what they need

    metric, gain = asked
    with analysis_of(study_file, quiet=quiet) as analysis:
        found = make_forecast(
            analysis, predictor=metric, gain=gain, business=business, error=standard_error or None
        )
        currency = analysis.study.study.currency
    if as_json:
        put_record("forecast", found)
        return
    from abgap.cli.forecasts import show_forecast  # noqa: PLC0415 - rich is not needed for --json

    show_forecast(found, currency=currency)
