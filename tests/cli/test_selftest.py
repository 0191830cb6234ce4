"""``abgap selftest``: what it says of sound and of unsound studies."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from abgap.lab.selftest import effects, faults

N = 1_200
_STUDY = """\
[unit_values]
path = "rows.parquet"
columns = {{ experiment = {{ value = "e" }}, {unit}variant = "arm" }}
{more}
[experiments.e]
control = "A"
treatments = ["B"]
split = {{ A = 0.5, B = 0.5 }}

[metrics.spend]
kind = "mean"
value = "spend"

[metrics.buyer]
kind = "proportion"
value = "spend > 0"

[metrics.middle]
kind = "quantile"
value = "spend"
quantile = 0.5

[metrics."odd | <b>name"]
kind = "mean"
value = "spend"
bootstrap = true
"""


def write(folder: Path, frame: pd.DataFrame, *, unit: str = 'unit = "user", ', more: str = "") -> Path:
    frame.to_parquet(folder / "rows.parquet", index=False)
    text = _STUDY.format(unit=unit, more=more)
    text = text if unit else text.replace("bootstrap = true\n", "")
    (folder / "abgap.toml").write_text(text, encoding="utf-8")
    return folder


def users(effect: float = 1.0) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    arm = rng.choice(["A", "B"], N)
    spend = np.where(rng.random(N) < 0.4, rng.gamma(2.0, 20.0, N), 0.0) * np.where(arm == "B", effect, 1.0)
    return pd.DataFrame({"user": [f"u{i}" for i in range(N)], "arm": arm, "spend": spend})


def sessions() -> pd.DataFrame:
    """Four rows for every user, alike within a user."""
    rows = users().loc[np.repeat(np.arange(N), 4)].reset_index(drop=True)
    noise = np.random.default_rng(6).gamma(20.0, 0.05, len(rows))
    return rows.assign(spend=rows["spend"] * noise)


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    return write(tmp_path, users())


def document(outcome: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(outcome.out)
    assert found["schema_version"] == "1"
    selftest: dict[str, Any] = found["selftest"]
    return selftest


def test_a_sound_study_passes_and_the_same_seed_gives_the_same_bytes(
    sound: Path, abgap_in: Callable[..., Any]
) -> None:
    outcomes = [
        abgap_in(sound, "selftest", "--no-simulations", "--json", *more)
        for more in ((), ("--no-cache", "--threads", "1"))
    ]
    assert [o.code for o in outcomes] == [0, 0]
    assert outcomes[0].out == outcomes[1].out
    units = document(outcomes[0])["units"]
    assert (units["experiment"], units["units"], units["draws"], units["alpha"]) == ("e", N, 200, 0.05)
    assert units["split"] == {"A": 0.5, "B": 0.5}
    by_name = {m["metric"]: m for m in units["metrics"]}
    assert [m["verdict"] for m in by_name.values()] == ["ok", "ok", "not tested", "not tested"]
    spend = by_name["spend"]
    assert spend["rate"]["estimate"] == spend["found"] / 200
    assert spend["rate"]["low"] < 0.05 < spend["rate"]["high"]
    assert spend["coverage"] == pytest.approx(1.0 - spend["rate"]["estimate"])
    assert spend["uniformity_p"] > 0.01
    assert "quantiles are put in order" in by_name["middle"]["sentence"]
    assert "bootstrap" in by_name["odd | <b>name"]["sentence"]


def test_a_real_effect_does_not_spoil_it(tmp_path: Path, abgap_in: Callable[..., Any]) -> None:
    outcome = abgap_in(write(tmp_path, users(effect=1.5)), "selftest", "--no-simulations", "--json")
    assert outcome.code == 0
    assert document(outcome)["units"]["metrics"][0]["verdict"] == "ok"


def test_rows_that_are_not_what_was_randomised_are_found(
    tmp_path: Path, abgap_process: Callable[..., Any]
) -> None:
    folder = write(tmp_path, sessions(), more='unique = "trust"')
    outcome = abgap_process(folder, "selftest", "--no-simulations", "--quiet")
    assert outcome.code == 1
    assert "too many" in outcome.out
    assert "several rows of one user" in outcome.out
    assert outcome.err.startswith("abgap: exit code 1 for spend: too many false positives and 1 more")


def levels(outcome: Any) -> dict[str, str]:
    return {m["metric"]: m["verdict"] for m in document(outcome)["units"]["metrics"]}


def test_a_few_very_large_values_are_told_but_are_no_failure(
    tmp_path: Path, abgap_in: Callable[..., Any]
) -> None:
    frame = users()
    frame["spend"] = np.where(frame.index == 7, 1e6, 1.0 + 1e-3 * frame["spend"])
    folder = write(tmp_path, frame)
    outcome = abgap_in(folder, "selftest", "--no-simulations", "--json")
    assert (outcome.code, levels(outcome)["spend"]) == (0, "too few")
    assert "a cap on the metric helps" in abgap_in(folder, "selftest", "--no-simulations").out


def test_sequential_looks_may_find_fewer(sound: Path, abgap_in: Callable[..., Any]) -> None:
    text = (sound / "abgap.toml").read_text(encoding="utf-8").replace("bootstrap = true\n", "")
    study = sound / "sequential.toml"
    study.write_text('[study]\nlooks = "sequential"\n' + text, encoding="utf-8")
    outcome = abgap_in(sound, "selftest", "--no-simulations", "--json", "--study", str(study))
    spend = document(outcome)["units"]["metrics"][0]
    assert (outcome.code, spend["verdict"]) == (0, "ok")
    assert spend["rate"]["estimate"] < 0.02
    assert "at most 10 are expected" in spend["sentence"]


def test_clusters_are_divided_whole(tmp_path: Path, abgap_in: Callable[..., Any]) -> None:
    rng = np.random.default_rng(9)
    home = rng.integers(0, 200, N)
    frame = users().assign(home=home, arm=np.where(home % 2, "A", "B"), spend=rng.gamma(3, 9, 200)[home])
    frame["before"] = rng.normal(0, 1, N)
    frame.loc[::7, "spend"] = np.nan
    frame.to_parquet(tmp_path / "rows.parquet", index=False)
    whole = """
[unit_values]
path = "rows.parquet"
columns = { experiment = { value = "e" }, unit = "user", variant = "arm", cluster = "home" }
[experiments.e]
control = "A"
[metrics.spend]
kind = "mean"
value = "spend"
cap_percentile = 90
covariate = { column = "before" }
"""
    (tmp_path / "abgap.toml").write_text(whole, encoding="utf-8")
    rows = whole.replace('unit = "user"', 'unit = "home"').replace(', cluster = "home"', "")
    rows = rows.replace("[experiments.e]", 'unique = "trust"\n[experiments.e]')
    (tmp_path / "rows.toml").write_text(rows, encoding="utf-8")
    ask = ("selftest", "--no-simulations", "--json", "--study")
    clustered, ignored = (abgap_in(tmp_path, *ask, name) for name in ("abgap.toml", "rows.toml"))
    assert (clustered.code, levels(clustered)) == (0, {"spend": "ok"})
    assert document(clustered)["units"]["units"] == len(set(home))
    assert (ignored.code, levels(ignored)) == (1, {"spend": "too many"})


def test_one_arm_alone_can_be_divided(tmp_path: Path, abgap_in: Callable[..., Any]) -> None:
    folder = write(tmp_path, users().assign(arm="A"))
    text = (folder / "abgap.toml").read_text(encoding="utf-8")
    text = text.replace('treatments = ["B"]\nsplit = { A = 0.5, B = 0.5 }\n', "")
    (folder / "abgap.toml").write_text(text, encoding="utf-8")
    outcome = abgap_in(folder, "selftest", "--no-simulations", "--json")
    assert document(outcome)["units"]["split"] == {"A": 0.5, "not A": 0.5}
    assert (outcome.code, levels(outcome)["spend"]) == (0, "ok")


def test_the_terminal_shows_a_line_for_every_metric(sound: Path, abgap_in: Callable[..., Any]) -> None:
    outcome = abgap_in(sound, "selftest", "--no-simulations", "--replicates", "100")
    lines = outcome.out.splitlines()
    assert lines[0] == "e   1,200 units divided anew 100 times: A 50.0 %, B 50.0 %"
    assert lines[1].split()[:2] == ["metric", "kind"]
    assert [line.split()[0] for line in lines[2:6]] == ["spend", "buyer", "middle", "odd"]
    assert outcome.code == 0


def test_without_ids_nothing_can_be_divided(tmp_path: Path, abgap_in: Callable[..., Any]) -> None:
    outcome = abgap_in(write(tmp_path, users(), unit=""), "selftest", "--no-simulations")
    assert outcome.code == 2
    assert "Units have no ids" in outcome.err


@pytest.fixture
def simulated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is simulated for one command is shown by the next as well."""
    for module, name in ((effects, "recover_effects"), (faults, "judge_faults")):
        monkeypatch.setattr(module, name, _kept(getattr(module, name)))


def _kept(simulate: Callable[..., Any]) -> Callable[..., Any]:
    found: list[Any] = []

    def first(*arguments: Any, **more: Any) -> Any:
        found.append(found[0] if found else simulate(*arguments, **more))
        return found[0]

    return first


@pytest.mark.usefixtures("simulated_once")
def test_moments_have_no_units_but_simulations_run(moments_study: Path, abgap_in: Callable[..., Any]) -> None:
    refused = abgap_in(moments_study, "selftest", "--no-simulations")
    assert (refused.code, refused.out) == (2, "")
    assert "The study brings moments" in refused.err
    outcome = abgap_in(moments_study, "selftest", "--simulations", "5")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith(
        "The study brings moments: there are no units that could be divided anew.\n"
    )
    assert "planted lifts   5 simulated experiments of 3,000 users" in outcome.out
    assert "caught by repeated_events" in outcome.out
    document_of = abgap_in(moments_study, "selftest", "--simulations", "5", "--json").json
    found = document_of["selftest"]
    assert found["units"] is None
    assert len(found["faults"]["faults"]) == 12
    assert found["effects"]["experiments"] == 5


def test_logs_are_divided_anew_with_covariates(parquet_study: Path, abgap_in: Callable[..., Any]) -> None:
    outcome = abgap_in(
        parquet_study,
        "selftest",
        "--experiment",
        "layout",
        "--replicates",
        "100",
        "--no-simulations",
        "--json",
    )
    units = document(outcome)["units"]
    assert units["experiment"] == "layout"
    assert {m["verdict"] for m in units["metrics"]} <= {"ok", "too few"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--replicates", "5"), "5 is not in the range 20<=x<=10000"),
        (("--simulations", "1"), "1 is not in the range 5<=x<=500"),
        (("--experiment", "f"), "there is no experiment 'f'"),
    ],
)
def test_mistakes_are_told_in_a_sentence(
    sound: Path, abgap_in: Callable[..., Any], arguments: tuple[str, ...], sentence: str
) -> None:
    outcome = abgap_in(sound, "selftest", *arguments)
    assert outcome.code == 2
    assert sentence in outcome.err


def test_no_units_are_told_in_a_sentence(tmp_path: Path, abgap_in: Callable[..., Any]) -> None:
    outcome = abgap_in(write(tmp_path, users().assign(arm="X")), "selftest")
    assert outcome.code == 2
    assert "no experiment has analysed units that could be divided anew" in outcome.err
