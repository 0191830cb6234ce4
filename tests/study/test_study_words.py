"""A metric in one plain sentence, and names as TOML."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abgap.records import Aggregate, Kind
from abgap.study.model import Covariate, Metric, Part
from abgap.study.toml import dotted, quoted, toml_comment, toml_key, toml_string
from abgap.study.words import metric_definition

PURCHASE = "event = 'purchase'"


@pytest.mark.parametrize(
    ("metric", "definition"),
    [
        (
            Metric(
                kind=Kind.MEAN,
                fact="events",
                where=PURCHASE,
                value="amount",
                window_days=14,
                cap_percentile=99.9,
                covariate=Covariate(lookback_days=14),
            ),
            (
                "m is the sum of amount over rows of events where event = 'purchase' per unit, in the 14 "
                "days after first "
                "exposure, 0 for a unit without any, capped at the 99.9 % quantile of all arms together, "
                "adjusted for the same in the 14 days before exposure."
            ),
        ),
        (
            Metric(kind=Kind.MEAN, fact="events", window_days=1),
            (
                "m is the number of rows of events per unit, in the 1 day after first exposure, 0 for a "
                "unit without any."
            ),
        ),
        (
            Metric(kind=Kind.MEAN, fact="events", value="session", aggregate=Aggregate.COUNT_DISTINCT),
            "m is the number of different session over rows of events per unit, 0 for a unit without any.",
        ),
        (
            Metric(kind=Kind.PROPORTION, fact="events", where=PURCHASE),
            "m is the share of units with any row of events where event = 'purchase'.",
        ),
        (Metric(kind=Kind.PROPORTION, value="converted"), "m is the share of units with converted."),
        (
            Metric(
                kind=Kind.RATIO,
                numerator=Part(fact="events", where="event = 'click'", aggregate=Aggregate.COUNT),
                denominator=Part(fact="events", value="session_id", aggregate=Aggregate.COUNT_DISTINCT),
                cap_percentile=99,
            ),
            (
                "m is the number of rows of events where event = 'click' divided by the number of "
                "different session_id over "
                "rows of events, both added up over units, its numerator capped at the 99 % quantile of "
                "all arms together."
            ),
        ),
        (
            Metric(kind=Kind.RATIO, numerator=Part(value="orders"), denominator=Part(value="sessions")),
            "m is the orders divided by the sessions, both added up over units.",
        ),
        (
            Metric(kind=Kind.MEAN, value="spend", covariate=Covariate(column="history")),
            "m is the spend per unit, adjusted for history.",
        ),
        (
            Metric(kind=Kind.QUANTILE, fact="requests", value="latency_ms", quantile=0.95),
            "m is the 95 % quantile of latency_ms over rows of requests.",
        ),
        (
            Metric(kind=Kind.QUANTILE, fact="events", value="amount", aggregate=Aggregate.SUM, quantile=0.5),
            "m is the 50 % quantile of the sum of amount over rows of events per unit, 0 for a unit without any.",
        ),
        (
            Metric(kind=Kind.RETENTION, fact="events", from_day=7, to_day=14),
            (
                "m is the share of units with any row of events from day 7 until before day 14 after first "
                "exposure."
            ),
        ),
        (Metric(kind=Kind.RATIO), "m is the ratio that was computed elsewhere."),
        (
            Metric(kind=Kind.MEAN, value="spend", description="Money spent\nonline."),
            "m is the spend per unit (Money spent online).",
        ),
    ],
)
def test_a_metric_is_one_plain_sentence(metric: Metric, definition: str) -> None:
    assert metric_definition("m", metric) == definition


def test_a_definition_is_one_line_whatever_the_names() -> None:
    metric = Metric(kind=Kind.MEAN, fact="a\nb", where="x\n= 1", value="v\r\nw", description="d\n\nd")
    assert metric_definition("a\nname", metric) == (
        "a name is the sum of v w over rows of a b where x = 1 per unit, 0 for a unit without any (d d)."
    )


@pytest.mark.parametrize(
    ("place", "path"),
    [
        ((), ""),
        (("metrics", "revenue", "window_days"), "metrics.revenue.window_days"),
        (("offline_metrics", "ndcg@10", "gain"), 'offline_metrics."ndcg@10".gain'),
        (("metrics", "a.b", "covariate", 0, "column"), 'metrics."a.b".covariate[0].column'),
        (("models", ""), 'models.""'),
        (("models", 'say "hi"\n'), r'models."say \"hi\"\n"'),
    ],
)
def test_a_place_is_written_as_toml_would(place: tuple[str | int, ...], path: str) -> None:
    assert dotted(place) == path


@given(st.text())
def test_any_text_comes_back_from_toml(text: str) -> None:
    assert tomllib.loads(f"{toml_key(text)} = {toml_string(text)}") == {text: text}


@given(st.text(st.characters(codec="utf-8") | st.sampled_from("\n\r\x00\x7f\x85\u2028#\"'")))
def test_any_text_fits_into_a_comment(text: str) -> None:
    assert tomllib.loads(f"a = 1 # {toml_comment(text)}\nb = 2") == {"a": 1, "b": 2}


def test_what_toml_cannot_hold_is_replaced() -> None:
    assert tomllib.loads("a = " + toml_string("x\ud800y")) == {"a": "x\ufffdy"}
    assert toml_comment("x\ud800y") == "x\ufffdy"


def test_a_quoted_name_is_short_and_on_one_line() -> None:
    assert quoted("a\nb") == r"'a\nb'"
    assert quoted("x" * 100) == "'" + "x" * 59 + "…'"
