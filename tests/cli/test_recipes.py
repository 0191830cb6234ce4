"""Every recipe on small logs, end to end: `abgap init --recipe`, and the numbers that follow, counted here by hand."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abgap.cli.main import main
from abgap.study.load import load_study
from abgap.study.recipes import RECIPES
from tests.cli.conftest import Abgap

START = dt.datetime(2026, 3, 2, 8)
Event = tuple[str, int, str, float | None, float | None, str]
EVERYTHING = [word for name in RECIPES for word in ("--recipe", name)]


def write_csv(path: Path, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        writer.writerows(rows)


def arm_of(user: int) -> str:
    return "AB"[user % 2]


def made_events(users: int = 80) -> list[Event]:
    """Sessions of all kinds: user, hours after exposure, event, amount, seconds, session."""
    rng = np.random.default_rng(11)
    rows: list[Event] = []
    for user in range(users):
        for visit in range(int(rng.integers(1, 4))):
            session, hour = f"{user}-{visit}", int(visit * 26 + rng.integers(0, 5))
            names = ["suggestion_shown", "task_started", "help_requested", "conversation_started"]
            for name in ("suggestion_accepted", "task_completed", "ticket_created", "escalated_to_agent"):
                names += [name] * int(rng.random() < 0.4 + 0.1 * (user % 2))
            for name in names:
                seconds = float(rng.integers(20, 90)) if name == "task_completed" else None
                rows.append((f"u{user}", hour, name, None, seconds, session))
            if rng.random() < 0.5:
                rows.append((f"u{user}", hour, "purchase", float(rng.integers(5, 60)), None, session))
        if rng.random() < 0.3:
            rows.append((f"u{user}", 40, "subscription_cancelled", None, None, f"{user}-0"))
    return rows


@pytest.fixture
def logs(tmp_path: Path) -> list[Event]:
    """Exposures and events of one experiment, as files."""
    events = made_events()
    exposures = [(f"u{user}", arm_of(user), START) for user in range(80)]
    write_csv(tmp_path / "exposures.csv", ("user_id", "variant", "ts"), exposures)
    rows = [
        (user, START + dt.timedelta(hours=hour, minutes=1), name, amount, seconds, session)
        for user, hour, name, amount, seconds, session in events
    ]
    head = ("user_id", "ts", "event", "amount", "seconds", "session_id")
    write_csv(tmp_path / "events.csv", head, rows)
    return events


def counted(events: Sequence[Event], name: str) -> int:
    return sum(event[2] == name for event in events)


BY_HAND: dict[str, Callable[[list[Event]], float]] = {
    "acceptance_rate": lambda e: counted(e, "suggestion_accepted") / counted(e, "suggestion_shown"),
    "task_completion": lambda e: counted(e, "task_completed") / counted(e, "task_started"),
    "time_to_completion": lambda e: float(np.mean([row[4] for row in e if row[4] is not None])),
    "next_day_retention": lambda e: len({row[0] for row in e if 24 <= row[1] < 48}) / 40,
    "revenue_per_session": lambda e: sum(row[3] or 0.0 for row in e) / len({row[5] for row in e}),
    "churn": lambda e: len({row[0] for row in e if row[2] == "subscription_cancelled"}) / 40,
    "ticket_deflection": lambda e: 1 - counted(e, "ticket_created") / counted(e, "help_requested"),
    "escalations": lambda e: counted(e, "escalated_to_agent") / counted(e, "conversation_started"),
}


def estimates(abgap_in: Abgap, folder: Path) -> dict[str, dict[str, Any]]:
    found = abgap_in(folder, "analyze", "--json").json["estimates"]
    return {e["metric"]: e for e in found if e["slice_name"] is None and e["period"] is None}


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_on_small_logs_gives_what_is_counted_by_hand(
    name: str, abgap_in: Abgap, logs: list[Event], tmp_path: Path
) -> None:
    shown = abgap_in(tmp_path, "init", "exposures.csv", "events.csv", "--control", "A", "--recipe", name)
    assert (shown.code, "recipe" in shown.err) == (0, False)
    found = estimates(abgap_in, tmp_path)[name]
    for arm, side in (("A", "value_control"), ("B", "value_treatment")):
        rows = [event for event in logs if arm_of(int(event[0][1:])) == arm]
        assert found[side] == pytest.approx(BY_HAND[name](rows), rel=1e-11)
    recipe, declared = RECIPES[name], load_study(tmp_path / "abgap.toml").study.metrics[name]
    assert (declared.kind, declared.direction, declared.business) == (
        recipe.kind,
        recipe.direction,
        recipe.better,
    )
    assert declared.smallest_worthwhile_lift == recipe.smallest_worthwhile_lift
    assert declared.non_inferiority_margin == recipe.non_inferiority_margin
    assert declared.window_days == recipe.window_days
    assert found["role"] == ("guardrail" if recipe.non_inferiority_margin else "primary")


def test_all_recipes_stand_in_one_study_and_the_first_that_may_decide_is_primary(
    abgap_in: Abgap, logs: list[Event], tmp_path: Path
) -> None:
    assert logs
    shown = abgap_in(
        tmp_path, "init", "exposures.csv", "events.csv", "--control", "A", "--recipe", "churn", *EVERYTHING
    )
    assert shown.code == 0
    metrics = load_study(tmp_path / "abgap.toml").study.metrics
    assert list(metrics)[:2] == ["churn", "acceptance_rate"]
    assert [name for name, metric in metrics.items() if metric.role == "primary"] == ["acceptance_rate"]
    assert set(RECIPES) < set(metrics)
    assert "subscription_cancelled_rate" not in estimates(abgap_in, tmp_path) or metrics["churn"].window_days


def test_a_log_of_predictions_gives_the_four_measures_of_its_users(abgap_in: Abgap, tmp_path: Path) -> None:
    """One row per prediction with what came of it, as prediction logs are."""
    rng = np.random.default_rng(3)
    rows = []
    for number in range(200):
        user = number % 40
        at = START + dt.timedelta(hours=int(rng.integers(0, 60)))
        done = bool(rng.random() < 0.6)
        taken = bool(rng.random() < 0.5)
        seconds = float(rng.integers(10, 99)) if done else ""
        rows.append((user, at, str(taken).lower(), int(done), seconds))
    head = ("user_id", "ts", "user_accepted", "task_completed", "completion_time_seconds")
    write_csv(tmp_path / "prediction_log.csv", head, rows)
    write_csv(
        tmp_path / "exposures.csv",
        ("user_id", "variant", "ts"),
        [(user, arm_of(user), START - dt.timedelta(hours=1)) for user in range(40)],
    )
    asked = ["acceptance_rate", "task_completion", "time_to_completion", "next_day_retention"]
    words = [word for name in asked for word in ("--recipe", name)]
    shown = abgap_in(tmp_path, "init", "exposures.csv", "prediction_log.csv", "--control", "A", *words)
    assert (shown.code, "recipe" in shown.err) == (0, False)
    found = estimates(abgap_in, tmp_path)
    of_b = [row for row in rows if arm_of(row[0]) == "B"]
    assert found["acceptance_rate"]["value_treatment"] == pytest.approx(
        np.mean([row[2] == "true" for row in of_b])
    )
    assert found["task_completion"]["value_treatment"] == pytest.approx(np.mean([row[3] for row in of_b]))
    assert found["time_to_completion"]["value_treatment"] == pytest.approx(
        np.mean([row[4] for row in of_b if row[3]])
    )
    back = {row[0] for row in of_b if 23 <= (row[1] - START).total_seconds() / 3600 < 47}
    assert found["next_day_retention"]["value_treatment"] == pytest.approx(len(back) / 20)


def test_one_row_per_user_gives_recipes_of_its_columns(abgap_in: Abgap, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    head = (
        "user_id", "variant", "revenue", "sessions", "churned", "returned_next_day", "help_requests", "tickets",
    )  # fmt: skip
    rows: list[tuple[str, str, list[int]]] = []
    for user in range(60):
        counts = rng.integers((10, 2, 0, 0, 7, 0), (90, 9, 2, 2, 10, 5))
        rows.append((f"u{user}", arm_of(user), [int(n) for n in counts]))
    write_csv(tmp_path / "users.csv", head, [(user, arm, *counts) for user, arm, counts in rows])
    asked = ["revenue_per_session", "churn", "next_day_retention", "ticket_deflection", "escalations"]
    words = [word for name in asked for word in ("--recipe", name)]
    shown = abgap_in(tmp_path, "init", "users.csv", "--control", "A", *words)
    assert shown.code == 0
    assert (
        "The recipe escalations needs escalations (a column such as escalated_to_agent), not found here: fill in what "
        "it is called."
    ) in shown.err
    found = estimates(abgap_in, tmp_path)
    of_b = np.array([counts for _, arm, counts in rows if arm == "B"], dtype=np.float64)
    total = of_b.sum(axis=0)
    assert found["revenue_per_session"]["value_treatment"] == pytest.approx(total[0] / total[1])
    assert found["churn"]["value_treatment"] == pytest.approx(total[2] / 30)
    assert found["next_day_retention"]["value_treatment"] == pytest.approx(total[3] / 30)
    assert found["ticket_deflection"]["value_treatment"] == pytest.approx(1 - total[5] / total[4])
    assert "churned" not in found, "a guess that is the recipe once more"


def test_what_is_missing_is_named_and_stands_as_a_comment(abgap_in: Abgap, tmp_path: Path) -> None:
    write_csv(
        tmp_path / "exposures.csv", ("user_id", "variant"), [(user, arm_of(user)) for user in range(20)]
    )
    write_csv(
        tmp_path / "events.csv",
        ("user_id", "event"),
        [(user, event) for user in range(20) for event in ("view", "task_completed")],
    )
    shown = abgap_in(tmp_path, "init", "exposures.csv", "events.csv", "--control", "A", *EVERYTHING)
    assert shown.code == 0
    missing = [line for line in shown.err.splitlines() if line.startswith("The recipe")]
    assert len(missing) == len(RECIPES)
    assert missing[1] == (
        "The recipe task_completion needs tasks begun (an event or column such as task_started), not found here: fill "
        "in what it is called."
    )
    assert missing[3] == (
        "The recipe next_day_retention needs the time of every exposure and event: give logs that have one, or map it "
        "as `at`."
    )
    written = (tmp_path / "abgap.toml").read_text()
    assert f'# {missing[1]}\n# [metrics.task_completion]\n# kind = "ratio"\n' in written
    assert '# denominator = { fact = "events", where = "event = \'task_started\'"' in written
    assert set(load_study(tmp_path / "abgap.toml").study.metrics) == {"view_rate", "task_completed_rate"}


def test_the_comments_of_missing_recipes_load_when_they_are_taken_in(abgap_in: Abgap, tmp_path: Path) -> None:
    rows = [(user, START, event) for user in range(20) for event in ("view", "buy")]
    write_csv(
        tmp_path / "exposures.csv",
        ("user_id", "variant", "ts"),
        [(user, arm_of(user), START) for user in range(20)],
    )
    write_csv(tmp_path / "events.csv", ("user_id", "ts", "event"), rows)
    assert abgap_in(tmp_path, "init", "exposures.csv", "events.csv", "--control", "A", *EVERYTHING).code == 0
    head, *blocks = (tmp_path / "abgap.toml").read_text().split("\n\n")
    taken_in = [
        "\n".join(line.removeprefix("# ") for line in block.splitlines()[1:])
        if block.startswith("# The recipe")
        else block
        for block in blocks
    ]
    (tmp_path / "abgap.toml").write_text("\n\n".join([head, *taken_in]))
    assert set(RECIPES) <= set(load_study(tmp_path / "abgap.toml").study.metrics)


def test_the_list_shows_every_recipe_with_its_translation(abgap_in: Abgap, tmp_path: Path) -> None:
    shown = abgap_in(tmp_path, "init", "--recipe", "list")
    assert shown.code == 0
    for name, recipe in RECIPES.items():
        (line,) = (line for line in shown.out.splitlines() if line.startswith(f"{name} "))
        assert recipe.better in line
    listed = abgap_in(tmp_path, "init", "--recipe", "list", "--json").json["recipes"]
    assert [recipe["name"] for recipe in listed] == list(RECIPES)


def test_an_unknown_recipe_is_refused_with_the_nearest(abgap_in: Abgap, tmp_path: Path) -> None:
    shown = abgap_in(tmp_path, "init", "x.csv", "--recipe", "revenue_per_sesion")
    assert shown.code == 2
    assert "there is no recipe 'revenue_per_sesion'" in shown.err
    assert "did you mean 'revenue_per_session'?" in shown.err


def test_an_established_change_is_said_in_the_words_of_the_business(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(8)
    rows = [
        (
            user,
            arm_of(user),
            int(rng.integers(40, 60)) * (1 + user % 2),
            3 + user % 4 // 2,
            int(rng.integers(0, 2)),
        )
        for user in range(200)
    ]
    write_csv(tmp_path / "users.csv", ("user_id", "variant", "revenue", "sessions", "churned"), rows)
    monkeypatch.chdir(tmp_path)
    for words in (
        ["init", "users.csv", "--control", "A", "--recipe", "revenue_per_session", "--recipe", "churn"],
        ["report", "--out", "report"],
    ):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 0
    for name in ("report.md", "report.html"):
        text = (tmp_path / "report" / name).read_text(encoding="utf-8")
        assert "Revenue per session up 10" in text
        assert ": users are buying more." in text
        assert "Churn up" not in text
        assert "Churn down" not in text
