"""Names that a user can choose and a report must survive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from abgap.records import Portfolio, Results

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'; drop table units; --",
    "pipe | in | name",
    "new\nline and\ttab",
    "`tick` **bold** _em_ [link](javascript:alert(1)) ![i](x)",
    "&lt; &amp; {{ 7 * 7 }} {% raw %} $x^2$ \\frac",
    "   ",
    "# heading\n\n- list\n\n| a | b |\n|---|---|",
    "nul\x00bell\x07 \u202eright to left",
    "名前 🚀 ñandú",
    "https://example.invalid/x www.example.invalid @everyone",
    "</style></svg></title></details>",
]


def renamed(results: Results) -> Results:
    """Metrics, arms, slices, models, sources and tags with hostile names; references stay consistent."""
    metric = {m.name: HOSTILE[place] + f" {place}" for place, m in enumerate(results.metrics)}
    offline = {"ndcg@10": HOSTILE[1] + " offline", "mrr@10": HOSTILE[3] + " offline"}
    arm = {"A": HOSTILE[0] + "A", "B": HOSTILE[3] + "B"}
    model = {f"ranker-{n}": f"{HOSTILE[n % len(HOSTILE)]} model {n}" for n in range(15)}
    return replace(
        results,
        study=replace(results.study, currency="€|<b>"),
        metrics=tuple(
            replace(m, name=metric[m.name], definition=HOSTILE[8], why=HOSTILE[5], owner=HOSTILE[1])
            for m in results.metrics
        ),
        models=tuple(replace(m, name=model[m.name], version=HOSTILE[0]) for m in results.models),
        experiments=tuple(
            replace(
                e,
                control=arm["A"],
                arms={arm[key]: n for key, n in e.arms.items()},
                models={arm[key]: model[name] for key, name in e.models.items()},
                tags=(HOSTILE[3], HOSTILE[0]),
                hypothesis=HOSTILE[5],
                headline=f"About {e.name}: {HOSTILE[1]}",
                decision_reason=HOSTILE[8],
                next_action=f"Ship {e.name}",
            )
            for e in results.experiments
        ),
        checks=tuple(replace(c, sentence=f"{c.sentence} {HOSTILE[0]} {HOSTILE[8]}") for c in results.checks),
        estimates=tuple(
            replace(
                e,
                metric=metric[e.metric],
                control=arm["A"],
                treatment=arm["B"],
                slice_name=None if e.slice_name is None else f"{e.slice_name} {HOSTILE[3]}",
                slice_value=None if e.slice_value is None else f"{e.slice_value} {HOSTILE[0]}",
                notes=(HOSTILE[1],),
            )
            for e in results.estimates
        ),
        offline=tuple(
            replace(
                row,
                model=model[row.model],
                baseline=None if row.baseline is None else model[row.baseline],
                metric=offline[row.metric],
                definition=HOSTILE[8],
                lazy={HOSTILE[0]: 0.5},
            )
            for row in results.offline
        ),
        gaps=tuple(
            replace(
                gap,
                control=arm["A"],
                treatment=arm["B"],
                offline_metric=offline[gap.offline_metric],
                business_metric=metric[gap.business_metric],
                funnel=tuple(replace(s, stage=HOSTILE[place]) for place, s in enumerate(gap.funnel)),
                notes=(HOSTILE[0],),
                diagnosis=None if gap.diagnosis is None else f"{gap.diagnosis} {HOSTILE[0]} {HOSTILE[8]}",
                reasons=tuple(
                    replace(
                        found,
                        title=f"{found.title} {HOSTILE[place % len(HOSTILE)]}",
                        sentence=HOSTILE[1],
                        next_action=f"{found.next_action} {HOSTILE[3]}",
                        missing=tuple(f"{need} {HOSTILE[5]}" for need in found.missing),
                        evidence=tuple(replace(row, name=HOSTILE[12]) for row in found.evidence),
                        sql=HOSTILE[0] if found.sql else None,
                    )
                    for place, found in enumerate(gap.reasons)
                ),
            )
            for gap in results.gaps
        ),
        provenance=replace(
            results.provenance,
            study_file=HOSTILE[0],
            inputs=tuple(
                replace(f, path=f"{HOSTILE[3]}/{f.path}", source=HOSTILE[1])
                for f in results.provenance.inputs
            ),
            queries=tuple(
                replace(q, purpose=HOSTILE[0], sql=f"{q.sql}\n-- ```\n-- </code></pre>{HOSTILE[0]}")
                for q in results.provenance.queries
            ),
        ),
        portfolio=_portfolio(results.portfolio, offline | metric),
    )


def _portfolio(portfolio: Portfolio, name: Mapping[str, str]) -> Portfolio:
    """Every name and text in it; experiments have hostile names already."""
    said = f"{HOSTILE[0]} {HOSTILE[8]}"
    return replace(
        portfolio,
        sentences=(*portfolio.sentences[:2], said),
        refusals=(HOSTILE[8],),
        nine_cells=tuple(
            replace(c, offline_metric=name[c.offline_metric], business_metric=name[c.business_metric])
            for c in portfolio.nine_cells
        ),
        pairs=tuple(
            replace(
                pair,
                predictor=name[pair.predictor],
                business_metric=name[pair.business_metric],
                by_tag=tuple(replace(fit, name=HOSTILE[0]) for fit in pair.by_tag),
                points=tuple(replace(point, treatment=HOSTILE[3] + "B") for point in pair.points),
                over_time_sentence=said,
                saturation_sentence=HOSTILE[1],
                surrogacy=pair.surrogacy and replace(pair.surrogacy, sentence=said),
                notes=(said,),
                refusals=(HOSTILE[5],),
            )
            for pair in portfolio.pairs
        ),
        metric_trust=tuple(
            replace(
                row,
                predictor=name.get(row.predictor, row.predictor),
                business_metric=name[row.business_metric],
                weights=row.weights and {name[key]: weight for key, weight in row.weights.items()},
                review_reason=HOSTILE[1],
            )
            for row in portfolio.metric_trust
        ),
        decision_rules=tuple(
            replace(rule, title=HOSTILE[5], business_metric=name[rule.business_metric])
            for rule in portfolio.decision_rules
        ),
        typical=tuple(
            replace(
                one,
                business_metric=name[one.business_metric],
                sentence=said,
                shrunk=tuple(replace(lift, treatment=HOSTILE[3] + "B") for lift in one.shrunk),
            )
            for one in portfolio.typical
        ),
    )
