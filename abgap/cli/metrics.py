"""``abgap metrics``: what each metric is, when to use it and how it misleads; ``abgap metrics choose`` picks some."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from abgap.cli import options
from abgap.cli.choose import choose
from abgap.cli.output import put_record
from abgap.errors import UsageError
from abgap.offline.catalogue.entry import Task

if TYPE_CHECKING:
    from abgap.offline.catalogue import MetricEntry
    from abgap.offline.contracts import Contract


@options.command(
    "metrics",
    examples=[
        "abgap metrics",
        "abgap metrics ndcg@10",
        "abgap metrics --task binary",
        "abgap metrics --json",
        "abgap metrics choose --task fraud --positives 0.005",
    ],
    parts={"choose": choose},
)
@click.argument("name", required=False)
@click.option(
    "--task", type=click.Choice([task.value for task in Task]), help="Only the metrics of this task."
)
@click.option(
    "--study",
    "study_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also show what this study declares: owner, reason, review date. Default: the nearest abgap.toml, if any.",
)
@options.json_option
def command(name: str | None, task: str | None, study_file: Path | None, *, as_json: bool) -> None:
    """List the metrics that abgap knows, or show one: formula, range, use, traps, lazy score, business meaning.

    `abgap metrics choose` asks seven questions, and recommends a set of metrics.
    """
    contracts = _contracts(study_file)
    if name is None:
        _list(task, contracts, as_json=as_json)
    else:
        _show(name, contracts, as_json=as_json)


def _contracts(study_file: Path | None) -> tuple[Contract, ...]:
    """What the study at hand declares of its metrics; nothing when there is none."""
    from abgap.study.load import find_study, load_study  # noqa: PLC0415 - pydantic, only when the command runs

    if study_file is None:
        try:
            study_file = find_study(Path.cwd())
        except UsageError:
            return ()
    from abgap.offline.contracts import contracts_of  # noqa: PLC0415

    return contracts_of(load_study(study_file).study)


def _plain(declared: Iterable[Contract]) -> list[dict[str, Any]]:
    """Contracts as JSON has them: it knows no dates."""
    return [
        {**asdict(c), "review_by": None if c.review_by is None else c.review_by.isoformat()} for c in declared
    ]


def _list(task: str | None, contracts: tuple[Contract, ...], *, as_json: bool) -> None:
    from abgap.offline.catalogue import all_metrics, metrics_of_task  # noqa: PLC0415
    from abgap.offline.catalogue.page import as_data  # noqa: PLC0415

    entries = all_metrics() if task is None else metrics_of_task(task)
    known = {entry.name for entry in entries}
    declared = [c for c in contracts if task is None or c.known_as in known]
    if as_json:
        put_record(
            "metrics", {"catalogue": [as_data(entry) for entry in entries], "declared": _plain(declared)}
        )
        return
    from abgap.cli.metric_pages import show_catalogue  # noqa: PLC0415 - rich is not needed for --json

    show_catalogue(entries, declared, by_task=task is None)


def _show(name: str, contracts: tuple[Contract, ...], *, as_json: bool) -> None:
    entry, declared = _meant(name, contracts)
    if as_json:
        from abgap.offline.catalogue.page import as_data  # noqa: PLC0415

        put_record("metrics", {"catalogue": [as_data(e) for e in [entry] if e], "declared": _plain(declared)})
        return
    from abgap.cli.metric_pages import show_metric  # noqa: PLC0415 - rich is not needed for --json

    show_metric(entry, declared)


def _meant(name: str, contracts: tuple[Contract, ...]) -> tuple[MetricEntry | None, list[Contract]]:
    """The entry that a name means, and what the study declares of it; raises UsageError when neither is there."""
    from abgap.offline.catalogue import find_metric, nearest_names  # noqa: PLC0415

    own = [contract for contract in contracts if contract.name == name]
    entry = find_metric(own[0].known_as if own and own[0].known_as else name)
    if entry is not None:
        return entry, own or [contract for contract in contracts if contract.known_as == entry.name]
    if own:
        return None, own
    near = nearest_names(name) or difflib.get_close_matches(name, [contract.name for contract in contracts])
    hint = f"did you mean {', '.join(map(repr, near))}?" if near else "`abgap metrics` lists all of them"
    raise UsageError(f"there is no metric {name!r} in the catalogue", hint=hint)
