"""``abgap plan``: how many units, how many weeks, and what a test of so many weeks would detect."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from abgap.cli import options
from abgap.cli.opening import analysis_of, chosen
from abgap.cli.output import atomic_write, put_record, refuse_existing, tell
from abgap.errors import UsageError

if TYPE_CHECKING:
    from abgap.records.planning import TestPlan

_MOST_ARMS = 20
_POSITIVE = click.FloatRange(min=0.0, min_open=True)
_PART = click.FloatRange(min=0.0, max=1.0, min_open=True, max_open=True)


def _split(_: click.Context, __: click.Parameter, text: str | None) -> tuple[float, ...] | None:
    """Weights of the arms, control first: ``50/50``, ``80/10/10``."""
    if text is None:
        return None
    try:
        weights = tuple(float(part) for part in text.split("/"))
    except ValueError:
        weights = ()
    if not 2 <= len(weights) <= _MOST_ARMS or not all(0.0 < weight < float("inf") for weight in weights):
        raise click.BadParameter("give the weights of the arms, control first, such as 50/50 or 80/10/10")
    return weights


@options.command(
    "plan",
    examples=[
        "abgap plan",
        "abgap plan --lift 0.02 --weeks 3",
        "abgap plan --experiment search_v2 --split 80/10/10 --share 0.5",
        "abgap plan --equivalence --metric latency --json",
        "abgap plan --curve plan.svg",
    ],
)
@click.option(
    "--experiment", metavar="NAME", help="Whose logs are the history. Default: the one with most units."
)
@click.option(
    "--metric", "metrics", metavar="NAME", multiple=True, help="Plan this metric only; may be repeated."
)
@click.option(
    "--lift", type=_POSITIVE, help="The lift to find, 0.02 for 2 %. Default: smallest_worthwhile_lift."
)
@click.option("--margin", type=_POSITIVE, help="The margin of guardrails. Default: non_inferiority_margin.")
@click.option(
    "--equivalence", is_flag=True, help="Plan to show that effects lie within the lift on either side."
)
@click.option(
    "--power", type=_PART, default=0.8, show_default=True, help="Chance to find it when it is there."
)
@click.option(
    "--alpha",
    type=click.FloatRange(0.0, 0.5, min_open=True, max_open=True),
    help="Default: that of the study.",
)
@click.option(
    "--share",
    type=click.FloatRange(0.0, 1.0, min_open=True),
    default=1.0,
    show_default=True,
    help="Part of the traffic that is in the test.",
)
@click.option(
    "--arms", type=click.IntRange(2, _MOST_ARMS), help="Arms with control, of equal size. Default: 2."
)
@click.option(
    "--split", callback=_split, metavar="C/T[/T...]", help="Weights of the arms, control first: 80/10/10."
)
@click.option("--weeks", type=click.IntRange(1, 520), help="Show what a test of so many weeks would detect.")
@click.option(
    "--units-per-week", type=_POSITIVE, help="New units a week. Default: as they came in the history."
)
@click.option("--all-arms", is_flag=True, help="Take means and variances from all arms instead of control.")
@click.option(
    "--curve",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draw detectable effects by week into this SVG file.",
)
@options.force_option
@options.study_option
@options.json_option
@options.quiet_option
def command(
    study_file: Path | None, curve: Path | None, arms: int | None, split: tuple[float, ...] | None,
    *, as_json: bool, quiet: bool, force: bool, **asked: object,
) -> None:  # fmt: skip
    """Plan a test from the logs of one that was run: units per arm, weeks, and the effects that each week would detect.

    Every metric is planned as it will be tested: guardrails against their margin, the others for a lift.
    """
    if arms is not None and split is not None:
        raise UsageError("--arms and --split both say how units are shared; keep one")
    if curve is not None:
        refuse_existing(curve, force=force)
    from abgap.pipeline.planning import PlanRequest, plan_test, with_uncapped_twins  # noqa: PLC0415

    shares = split or (1.0,) * (arms or 2)
    request = PlanRequest(split=shares, **asked)  # type: ignore[arg-type]  # click has made them of the right types
    with analysis_of(study_file, quiet=quiet, changed=with_uncapped_twins) as analysis:
        chosen(request.experiment, analysis.declared)
        plan = plan_test(analysis, request)
    if curve is not None:
        _draw(plan, curve)
    if as_json:
        put_record("plan", plan)
        return
    from abgap.cli.plans import show_plan  # noqa: PLC0415 - rich is not needed for --json

    show_plan(plan, weeks=request.weeks)


def _draw(plan: TestPlan, path: Path) -> None:
    if not any(metric.by_week for metric in plan.metrics):
        tell("there is no curve: how many units come in a week is not known")
        return
    from abgap.report.charts.plan_curve import draw_plan  # noqa: PLC0415 - matplotlib is not needed otherwise

    with atomic_write(path) as temporary:
        temporary.write_text(draw_plan(plan), encoding="utf-8")
