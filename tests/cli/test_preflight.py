"""``abgap preflight``: the shadow run of the seeds from end to end, its page, and exit codes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from abgap.lab.sample.tables import shadow_table

Abgap: TypeAlias = Callable[..., Any]
EVIL = "new | <script>alert(1)</script>"
STUDY = """\
[study]
name = "Search <b>"
currency = "EUR"

[unit_values]
path = "units.csv"
columns = {{ experiment = {{ value = "e" }}, variant = "arm" }}

[experiments.e]
control = "A"
models = {{ A = "ranker-1", B = "{evil}" }}

[metrics.spend]
kind = "mean"
value = "spend"

[offline.scores]
path = "scores.csv"
columns = {{ model = "model", metric = "metric", value = "value", query = "query" }}

[offline.shadow]
path = "shadow.parquet"
columns = {{ request = "request_id", model = "model", latency_ms = "latency_ms" }}

[models."ranker-1"]
latency_p50_ms = 250
cost_per_1000_requests = 0.30

[models."{evil}"]
latency_p50_ms = 300
cost_per_1000_requests = 0.42

[models.ranker-2-shadow]
cost_per_1000_requests = 0.95
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with an experiment, offline scores and the shadow run of the sample data."""
    folder = tmp_path_factory.mktemp("shop")
    rng = np.random.default_rng(2)
    arms = np.resize(["A", "B"], 60)
    pd.DataFrame({"arm": arms, "spend": rng.normal(5, 1, 60)}).to_csv(folder / "units.csv", index=False)
    scores = [
        {"model": model, "metric": "ndcg@10", "query": q, "value": level + 0.05 * float(rng.normal())}
        for model, level in (("ranker-1", 0.72), (EVIL, 0.78))
        for q in range(80)
    ]
    pd.DataFrame(scores).to_csv(folder / "scores.csv", index=False)
    pq.write_table(shadow_table(seed=20260101), folder / "shadow.parquet")
    (folder / "abgap.toml").write_text(STUDY.format(evil=EVIL), encoding="utf-8")
    return folder


def test_the_shadow_run_of_the_seeds_fails_on_latency(shop: Path, abgap_in: Abgap, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    ran = abgap_in(shop, "preflight", "--production", "ranker-1", "--out", page)
    assert ran.code == 1
    assert "Do not launch 'ranker-2-shadow' in place of 'ranker-1': latency and cost failed." in ran.out
    assert "P50 latency 800 ms against 250 ms: +220.0 % [" in ran.out
    assert "Both models answered 5,000 requests" in ran.out
    assert "exit code 1 for latency, cost (--fail-on fail)" in ran.err
    text = page.read_text(encoding="utf-8")
    assert text.startswith(
        "# Do not launch 'ranker-2-shadow' in place of 'ranker-1': latency and cost failed.\n"
    )
    assert "| 3. Latency and errors | ✕ failed |" in text


def test_the_model_of_an_experiment_is_held_against_its_control(shop: Path, abgap_in: Abgap) -> None:
    found = abgap_in(shop, "preflight", EVIL, "--json").json["preflight"]
    assert (found["candidate"], found["production"], found["verdict"]) == (EVIL, "ranker-1", "not_testable")
    assert [step["status"] for step in found["steps"]] == ["pass", "not_testable", "pass", "pass", "pass"]
    assert found["steps"][2]["evidence"][0]["change"] == {
        "reason": "no_interval_given",
        "detail": "bare numbers of the study",
    }
    assert abgap_in(shop, "preflight", EVIL, "-q").code == 0
    assert abgap_in(shop, "preflight", EVIL, "-q", "--fail-on", "warn").code == 1
    assert (
        abgap_in(shop, "preflight", "ranker-2-shadow", "--production", "ranker-1", "--fail-on", "never").code
        == 0
    )


def test_a_page_shows_names_as_they_are(shop: Path, abgap_in: Abgap, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    abgap_in(shop, "preflight", EVIL, "--out", page)
    text = page.read_text(encoding="utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "Search &lt;b&gt;" in text
    abgap_in(shop, "preflight", EVIL, "--out", tmp_path / "page.md")
    markdown = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert "<script" not in markdown
    assert "new \\| &lt;script&gt;" in markdown


def test_what_cannot_be_asked_is_said(shop: Path, abgap_in: Abgap, tmp_path: Path) -> None:
    unknown = abgap_in(shop, "preflight", "ranker-9", "--production", "ranker-1")
    assert unknown.code == 2
    assert "there is no model 'ranker-9'; did you mean 'ranker-1'?" in unknown.err
    which = abgap_in(shop, "preflight")
    assert which.code == 2
    assert "which model is live is not known" in which.err
    assert 'add production = "NAME" to [offline]' in which.err
    same = abgap_in(shop, "preflight", "ranker-1", "--production", "ranker-1")
    assert same.code == 2
    assert "'ranker-1' is the model that is live" in same.err
    form = abgap_in(shop, "preflight", EVIL, "--out", tmp_path / "page.pdf")
    assert form.code == 2
    assert "is neither .md nor .html" in form.err
    (tmp_path / "there.md").write_text("mine", encoding="utf-8")
    assert "replace it with --force" in abgap_in(shop, "preflight", EVIL, "--out", tmp_path / "there.md").err
