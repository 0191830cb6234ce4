"""A small study with all that a live log can hold: repeated units, young rows, strangers, rows that lack things."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

START = pd.Timestamp("2026-03-02")
HOSTILE = "it's; \"<script>|\n"
STUDY = """
[exposures]
path = "exposures.parquet"
columns = { experiment = "experiment", unit = "unit", variant = "variant", at = "at" }
[facts.events]
path = "events.parquet"
columns = { unit = "unit", at = "at" }
[experiments.e]
control = "A"
start = 2026-03-02
end = 2026-03-16
models = { A = "old", B = "new" }
[metrics.buys]
kind = "mean"
fact = "events"
where = "event = 'buy'"
aggregate = "count"
role = "primary"
smallest_worthwhile_lift = 0.05
[offline.predictions]
path = "predictions.parquet"
task = "binary"
columns = { model = "model", example = "example", y_true = "y_true", y_score = "y_score" }
slices = ["device"]
[live.predictions]
path = "live.parquet"
slices = ["device"]
outcome = { fact = "events", where = "event = 'buy'", within_days = 0.5, key = "request" }
[live.predictions.columns]
unit = "unit"
at = "at"
model = "model"
example = "request"
y_score = "score"
offline_score = "offline"
[gap]
offline = ["roc_auc"]
business = ["buys"]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Where it is, and the live rows as they have to be counted: with label, arm and whether they are old enough."""

    folder: Path
    rows: pd.DataFrame
    tests: pd.DataFrame

    @property
    def file(self) -> Path:
        """The study file."""
        return self.folder / "abgap.toml"

    def judged(self, model: str) -> pd.DataFrame:
        """What counts for a model."""
        mine = self.rows[(self.rows["model"] == model) & self.rows["old"]]
        return mine.reset_index(drop=True)


def make_world(folder: Path, *, study: str = STUDY, units: int = 240, seed: int = 3) -> World:
    """Write the files. Beside the rows that count there are some that do not, of every kind."""
    rng = np.random.default_rng(seed)
    names = [f"u{i}" for i in range(units)]
    variant = rng.choice(["A", "B"], units)
    exposed = START + pd.to_timedelta(rng.uniform(0, 2, units).round(6), unit="D")
    exposures = pd.DataFrame({"experiment": "e", "unit": names, "variant": variant, "at": exposed})
    rows = _rows(rng, names, variant, exposed)
    rows["at"] = rows["at"].dt.round("s")
    bought = rows[rows["y"]]
    events = pd.DataFrame(
        {
            "unit": bought["unit"],
            "at": bought["at"] + pd.Timedelta("1h"),
            "request": bought["request"],
            "event": "buy",
        }
    )
    # Too late, another event, another request: nothing of this makes a label.
    noise = rows[~rows["y"]].iloc[:30]
    late = pd.DataFrame(
        {"unit": noise["unit"], "at": noise["at"] + pd.Timedelta("13h"), "request": noise["request"]}
    )
    other = pd.DataFrame(
        {"unit": noise["unit"], "at": noise["at"] + pd.Timedelta("1h"), "request": "another"}
    )
    looked = pd.DataFrame(
        {"unit": noise["unit"], "at": noise["at"], "request": noise["request"], "event": "look"}
    )
    events = pd.concat([events, late.assign(event="buy"), other.assign(event="buy"), looked])
    last = events["at"].max()
    rows["old"] = rows["at"] + pd.Timedelta("12h") <= last
    tests = _tests(rng)
    exposures.to_parquet(folder / "exposures.parquet", index=False)
    events.to_parquet(folder / "events.parquet", index=False)
    tests.to_parquet(folder / "predictions.parquet", index=False)
    live = pd.concat([rows.drop(columns=["y", "old"]), _strays(rows)], ignore_index=True)
    live.to_parquet(folder / "live.parquet", index=False)
    (folder / "abgap.toml").write_text(study, encoding="utf-8")
    return World(folder=folder, rows=rows, tests=tests)


def _rows(
    rng: np.random.Generator, names: list[str], variant: np.ndarray, exposed: pd.DatetimeIndex
) -> pd.DataFrame:
    found = []
    for unit, arm, first in zip(names, variant, exposed, strict=True):
        taste = rng.normal()
        for k in range(int(rng.integers(1, 7))):
            likely = 1.0 / (1.0 + np.exp(-(taste - 0.6 + 0.8 * rng.normal())))
            noise = 0.15 if arm == "B" else 0.35
            score = float(np.clip(likely + noise * rng.normal(), 0.01, 0.99).round(2))
            found.append(
                {
                    "unit": unit,
                    "at": first + pd.Timedelta(hours=float(rng.uniform(0, 9 * 24))),
                    "model": {"A": "old", "B": "new"}[arm],
                    "request": f"{unit}-{k}",
                    "score": score,
                    "offline": None
                    if k == 5
                    else float(np.clip(score + 0.1 * rng.normal(), 0.01, 0.99).round(2)),
                    "device": [HOSTILE, "phone", None][int(rng.choice(3, p=[0.3, 0.6, 0.1]))],
                    "y": bool(rng.uniform() < likely),
                }
            )
    return pd.DataFrame(found)


def _tests(rng: np.random.Generator, n: int = 400) -> pd.DataFrame:
    y = (rng.uniform(size=n) < 0.3).astype(int)
    device = rng.choice([HOSTILE, "phone"], n)
    parts = [
        pd.DataFrame(
            {
                "model": model,
                "example": [f"x{i}" for i in range(n)],
                "y_true": y,
                "y_score": np.clip(0.3 + gain * y + 0.2 * rng.normal(size=n), 0.01, 0.99).round(3),
                "device": device,
            }
        )
        for model, gain in (("old", 0.2), ("new", 0.4))
    ]
    return pd.concat(parts, ignore_index=True)


def _strays(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows that do not count: of strangers, of another model, before exposure, and such that lack something."""
    some = rows.iloc[:6].drop(columns=["y", "old"]).reset_index(drop=True)
    kinds = [
        some.assign(unit="stranger", request="s" + some["request"]),
        some.assign(model="third", request="t" + some["request"]),
        some.assign(at=START - pd.Timedelta("1D"), request="b" + some["request"]),
        some.iloc[:1].assign(unit=None, request="n1"),
        some.iloc[:2].assign(model=None, request=["n2", "n3"]),
        some.iloc[:3].assign(at=pd.Series(pd.NaT, index=range(3)), request=["n4", "n5", "n6"]),
        some.iloc[:4].assign(score=None, request=["n7", "n8", "n9", "n10"]),
    ]
    return pd.concat(kinds, ignore_index=True)
