"""The written-down truth of the sample data: a year of experiments of a grocery shop's search team.

Each experiment plants one known reason why an offline gain did or did not reach revenue. Everything else of
the sample data (users, logs, offline scores, ``sample_data/truth.json``) follows from the records here, so
that a report about it can be marked right or wrong. Sizes were chosen so that the verdict holds in at least
95 of 100 seeds.

The models follow each other: what an experiment ships is the control of the next one.
"""

from __future__ import annotations

import datetime as dt

from abgap.lab.sample.plant import Arm, Effects, Faults, PlantedExperiment
from abgap.records import VerdictName

PRE_PERIOD_DAYS = 14
"""Days of events before an experiment's start, for the covariates."""

SMALLEST_WORTHWHILE_LIFT = 0.01
"""Of revenue per user, as ``sample_data/abgap.toml`` declares it."""

EXCHANGE_RATE = 0.5
"""Lift of revenue per user expected from one unit of NDCG@10: a gain of .04 should bring +2 %."""

DUPLICATE_EXPOSURES_SHARE = 0.02
"""Share of exposure rows delivered twice, in every experiment."""

TELEMETRY_SHARE = 0.1
"""Share of users whose search requests are logged with their latency."""

HALF = 0.5


def _control(model: str, share: float = HALF) -> Arm:
    return Arm(model=model, share=share)


EXPERIMENTS: tuple[PlantedExperiment, ...] = (
    PlantedExperiment(
        name="aa_check",
        story="A/A: both arms serve the same model, so nothing may be found.",
        start=dt.date(2025, 1, 20),
        end=dt.date(2025, 2, 10),
        users=13_000,
        arms={
            "A": _control("ranker-1"),
            "B": Arm(model="ranker-1", share=HALF, verdict=VerdictName.NO_OFFLINE_GAIN),
        },
        tags=("platform",),
        hypothesis="the new assignment service splits traffic fairly",
    ),
    PlantedExperiment(
        name="bargain_boost",
        story="Trained on clicks, the ranking shows bargains: more clicks, smaller baskets, less revenue.",
        start=dt.date(2025, 2, 10),
        end=dt.date(2025, 3, 3),
        users=12_000,
        arms={
            "A": _control("ranker-1"),
            "B": Arm(
                model="ranker-1-bargain",
                share=HALF,
                effects=Effects(clicks_per_session=1.03, orders_per_click=0.99, revenue_per_order=0.93),
                verdict=VerdictName.REVERSED,
                reason="proxy_label",
            ),
        },
        tags=("ranking",),
        hypothesis="people buy more when offers come first",
    ),
    PlantedExperiment(
        name="search_v2",
        story=(
            "NDCG@10 from 0.72 to 0.78, clicks per session +4 %, revenue flat: people click on more "
            "interesting results and buy the same amount."
        ),
        start=dt.date(2025, 3, 3),
        end=dt.date(2025, 3, 31),
        users=150_000,
        arms={
            "A": _control("ranker-1"),
            "B": Arm(
                model="ranker-2",
                share=HALF,
                effects=Effects(clicks_per_session=1.04, orders_per_click=1 / 1.04),
                verdict=VerdictName.DID_NOT_MOVE,
                reason="proxy_label",
            ),
        },
        tags=("ranking",),
        hypothesis="better NDCG brings more revenue",
    ),
    PlantedExperiment(
        name="typo_tolerance",
        story=(
            "Broken split: the new bundle sometimes crashes before the exposure is logged, mostly for less "
            "active users, so one user in ten is missing from the arm. The true effect is zero."
        ),
        start=dt.date(2025, 4, 7),
        end=dt.date(2025, 4, 28),
        users=20_000,
        arms={
            "A": _control("ranker-1"),
            "B": Arm(
                model="ranker-1-typo",
                share=HALF,
                lost_share=0.1,
                verdict=VerdictName.UNTRUSTWORTHY,
                reason="data_faults",
            ),
        },
        tags=("query understanding",),
        hypothesis="fewer empty result pages bring more orders",
        faults=Faults(events_without_user=37),
    ),
    PlantedExperiment(
        name="search_v3",
        story=(
            "The next iteration: purchases weigh in the training signal. NDCG up a little, clicks per "
            "session +3 %, revenue per session +1.5 %; it ships."
        ),
        start=dt.date(2025, 5, 5),
        end=dt.date(2025, 6, 2),
        users=76_000,
        arms={
            "A": _control("ranker-1"),
            "B": Arm(
                model="ranker-3",
                share=HALF,
                effects=Effects(clicks_per_session=1.03, orders_per_click=1.015 / 1.03),
                verdict=VerdictName.TRANSLATED,
            ),
        },
        tags=("ranking",),
        hypothesis="purchase-weighted relevance turns clicks into orders",
        shipped="B",
    ),
    PlantedExperiment(
        name="voice_search",
        story="Underpowered: a real offline gain, tried on so few users that nothing could have been seen.",
        start=dt.date(2025, 6, 2),
        end=dt.date(2025, 6, 16),
        users=500,
        arms={
            "A": _control("ranker-3"),
            "B": Arm(
                model="ranker-3-voice",
                share=HALF,
                effects=Effects(orders_per_click=1.01),
                verdict=VerdictName.INCONCLUSIVE,
                reason="underpowered",
            ),
        },
        tags=("query understanding",),
        hypothesis="spoken queries understood better bring more orders",
    ),
    PlantedExperiment(
        name="synonyms",
        story="Honest win: people find what they mean, click more and buy more.",
        start=dt.date(2025, 6, 16),
        end=dt.date(2025, 7, 7),
        users=14_000,
        arms={
            "A": _control("ranker-3"),
            "B": Arm(
                model="ranker-4",
                share=HALF,
                effects=Effects(clicks_per_session=1.03, orders_per_click=1.015),
                verdict=VerdictName.TRANSLATED,
            ),
        },
        tags=("query understanding",),
        hypothesis="matching synonyms closes the gap of empty and thin result pages",
        shipped="B",
    ),
    PlantedExperiment(
        name="embedding_refresh",
        story="Honest flat: retrained embeddings that change neither the offline metric nor the shop.",
        start=dt.date(2025, 7, 14),
        end=dt.date(2025, 8, 4),
        users=12_000,
        arms={
            "A": _control("ranker-4"),
            "B": Arm(model="ranker-4-refresh", share=HALF, verdict=VerdictName.NO_OFFLINE_GAIN),
        },
        tags=("retrieval",),
        hypothesis="fresher embeddings rank new products better",
        faults=Faults(unknown_variant_rows=9),
    ),
    PlantedExperiment(
        name="stock_aware",
        story="Missed by offline: products out of stock move down; buyers notice, the test set cannot.",
        start=dt.date(2025, 8, 11),
        end=dt.date(2025, 9, 1),
        users=12_000,
        arms={
            "A": _control("ranker-4"),
            "B": Arm(
                model="ranker-5",
                share=HALF,
                effects=Effects(orders_per_click=1.05),
                verdict=VerdictName.MISSED_BY_OFFLINE,
            ),
        },
        tags=("ranking",),
        hypothesis="results that can be bought are bought",
        shipped="B",
    ),
    PlantedExperiment(
        name="distilled_ranker",
        story="Loss confirmed: a small model for half the cost loses offline and loses revenue.",
        start=dt.date(2025, 9, 1),
        end=dt.date(2025, 9, 22),
        users=12_000,
        arms={
            "A": _control("ranker-5"),
            "B": Arm(
                model="ranker-5-mini",
                share=HALF,
                effects=Effects(clicks_per_session=0.97, orders_per_click=0.98),
                verdict=VerdictName.LOSS_CONFIRMED,
            ),
        },
        tags=("cost",),
        hypothesis="a model at half the cost is good enough",
    ),
    PlantedExperiment(
        name="dense_retrieval",
        story=(
            "Fell short: the test set is full of the queries that dense retrieval helps most, live traffic "
            "is not. NDCG +.09 promised +4.5 % revenue, +2.2 % came."
        ),
        start=dt.date(2025, 9, 22),
        end=dt.date(2025, 10, 20),
        users=36_000,
        arms={
            "A": _control("ranker-5"),
            "B": Arm(
                model="ranker-6",
                share=HALF,
                effects=Effects(clicks_per_session=1.01, orders_per_click=1.022 / 1.01),
                verdict=VerdictName.FELL_SHORT,
                reason="distribution_mismatch",
            ),
        },
        tags=("retrieval",),
        hypothesis="semantic retrieval lifts the long tail",
        shipped="B",
    ),
    PlantedExperiment(
        name="cross_encoder",
        story=(
            "Three arms. B, the full cross-encoder, has the best NDCG and 720 ms: on phones people come back "
            "less and revenue falls. C, distilled from it, keeps the latency and most of the gain, and wins."
        ),
        start=dt.date(2025, 10, 20),
        end=dt.date(2025, 11, 10),
        users=24_000,
        arms={
            "A": _control("ranker-6", share=1 / 3),
            "B": Arm(
                model="ranker-7-full",
                share=1 / 3,
                effects=Effects(clicks_per_session=1.01),
                in_slices={
                    ("device", "mobile"): Effects(sessions_per_user=0.9, clicks_per_session=1.01),
                },
                verdict=VerdictName.REVERSED,
                reason="latency",
            ),
            "C": Arm(
                model="ranker-7",
                share=1 / 3,
                effects=Effects(clicks_per_session=1.025, orders_per_click=1.02),
                verdict=VerdictName.TRANSLATED,
            ),
        },
        tags=("ranking", "latency"),
        hypothesis="reading query and product together ranks better",
        shipped="C",
    ),
    PlantedExperiment(
        name="personal_ranking",
        story=(
            "Heterogeneous: ranking by one's own history helps returning users and hurts new ones, who have "
            "none. Overall a win."
        ),
        start=dt.date(2025, 11, 17),
        end=dt.date(2025, 12, 8),
        users=20_000,
        arms={
            "A": _control("ranker-7"),
            "B": Arm(
                model="ranker-8",
                share=HALF,
                effects=Effects(clicks_per_session=1.02, orders_per_click=1.03),
                in_slices={("new_user", "true"): Effects(clicks_per_session=0.95, orders_per_click=0.95)},
                verdict=VerdictName.TRANSLATED,
            ),
        },
        tags=("personalisation",),
        hypothesis="ranking by the user's own purchases brings more orders",
        shipped="B",
        new_user_share=0.2,
        faults=Faults(two_variants_share=0.002),
    ),
)
