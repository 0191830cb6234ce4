"""``abgap preflight``: may this model go before users?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from abgap.cli import options
from abgap.cli.opening import analysis_of, unknown
from abgap.cli.output import atomic_write, put_record, refuse_existing, tell
from abgap.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from abgap.records.preflight import Preflight

_FORMATS = (".md", ".html")


@options.command(
    "preflight",
    examples=[
        "abgap preflight",
        "abgap preflight ranker-3 --production ranker-2",
        "abgap preflight ranker-3 --out preflight.html --fail-on warn",
    ],
)
@click.argument("model", required=False)
@click.option(
    "--production", metavar="MODEL", help="The model that is live. Default: production of [offline]."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the page into this file too: .md or .html.",
)
@options.force_option
@options.study_option
@options.json_option
@options.quiet_option
@options.fail_on_option("fail", what="a step")
def command(
    model: str | None,
    production: str | None,
    out: Path | None,
    study_file: Path | None,
    *,
    force: bool,
    as_json: bool,
    quiet: bool,
    fail_on: str,
) -> int:
    """Take MODEL through the five steps before a launch: offline sanity, slices, latency, cost, and against production.

    Each step passes, warns, fails, or names what is missing to test it; limits stand in [preflight]. A step that cannot
    be tested counts as a warning for --fail-on.
    """
    if out is not None:
        if out.suffix not in _FORMATS:
            raise UsageError(f"{out} is neither .md nor .html; give it one of these endings")
        refuse_existing(out, force=force)
    from abgap.pipeline.preflight import (  # noqa: PLC0415 - commands load what they need, when they run
        known_models,
        live_model,
        only_candidate,
        preflight,
        with_production,
    )

    with analysis_of(
        study_file, quiet=quiet, in_words=not as_json, changed=with_production(production)
    ) as analysis:
        known = known_models(analysis)
        live = live_model(analysis, model)
        for name in (model, live):
            if name is not None and name not in known:
                raise unknown("model", name, known, has="there are")
        candidate = model or only_candidate(analysis, live)
        if candidate == live:
            raise UsageError(f"{live!r} is the model that is live; name the one that is to take its place")
        found = preflight(analysis, candidate, live)
    if out is not None:
        _write(found, out)
    if as_json:
        put_record("preflight", found)
    else:
        from abgap.cli.preflights import show_preflight  # noqa: PLC0415 - rich is not needed for --json

        show_preflight(found)
    return _exit_code(found, fail_on, as_json=as_json)


def _write(found: Preflight, out: Path) -> None:
    from abgap.report.preflight import preflight_page  # noqa: PLC0415 - templates are not needed otherwise

    text = preflight_page(found, html=out.suffix == ".html")
    with atomic_write(out) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _exit_code(found: Preflight, fail_on: str, *, as_json: bool) -> ExitCode:
    from abgap.records import Status  # noqa: PLC0415 - only when there are results

    bad = {"fail": {Status.FAIL}, "warn": {Status.FAIL, Status.NOT_TESTABLE, Status.WARN}, "never": set()}[
        fail_on
    ]
    named = [step.name for step in found.steps if step.status in bad]
    if not named:
        return ExitCode.OK
    if not as_json:
        tell(f"abgap: exit code 1 for {', '.join(named)} (--fail-on {fail_on})")
    return ExitCode.GATE_FAILED
