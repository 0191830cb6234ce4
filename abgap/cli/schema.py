"""``abgap schema``: the JSON Schemas of both contracts, for editors and for tools that read results."""

from __future__ import annotations

import json

import click

from abgap.cli import options
from abgap.cli.output import put


@options.command("schema", examples=["abgap schema study > abgap.schema.json", "abgap schema results"])
@click.argument("what", type=click.Choice(["study", "results"]))
def command(what: str) -> None:
    """Print the JSON Schema (draft 2020-12) of abgap.toml or of results.json."""
    if what == "study":
        from abgap.study.schema import study_schema  # noqa: PLC0415 - one of the two is needed

        schema = study_schema()
    else:
        from abgap.report.schema import results_schema  # noqa: PLC0415

        schema = results_schema()
    put(json.dumps(schema, indent=2, ensure_ascii=False) + "\n")
