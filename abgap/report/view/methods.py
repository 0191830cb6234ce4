"""How the numbers were made, in words: only what this study used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from abgap.records import Adjustment, Estimate, Interval, Kind, Results, Role, words
from abgap.report.view.cells import whole_sentence
from abgap.report.view.model import Topic

_TESTS = {
    Kind.MEAN: "means by Welch's test",
    Kind.PROPORTION: "proportions as shares of units",
    Kind.RATIO: "ratios by the delta method over units",
    Kind.QUANTILE: "quantiles by order statistics",
    Kind.RETENTION: "retention as a share of the units old enough",
}
_METHODS = {
    "fieller": "Fieller",
    "delta": "delta method",
    "log": "log ratio",
    "paired-t": "paired t",
    "lmdi": "LMDI",
    "shapley": "Shapley",
}
_COUNTED = (
    "The unit of analysis is the unit that was randomised. The first exposure decides the variant and starts the "
    "clock; units seen in several variants are left out and counted; units without events count as zero."
)
_DASH = (
    "A number that cannot be computed is a dash with its reason, never zero. Rounding happens only here: "
    "results.json has twelve significant digits."
)


def methods_of(results: Results) -> tuple[Topic, ...]:
    """One topic per method in use."""
    return tuple(Topic(title=title, text=text) for title, text in _topics(results) if text)


def _topics(results: Results) -> Iterator[tuple[str, str]]:
    estimates = results.estimates
    level = words.percent(1.0 - results.study.alpha, decimals=0)
    yield "Who is counted", _COUNTED if results.experiments else ""
    yield "Tests", _tests(estimates, level)
    yield "Relative lift", _lift_methods(estimates)
    yield "Variance reduction", _covariates(estimates)
    yield "Extreme values", _capping(estimates)
    yield "Many tests", _multiplicity(estimates, results.study.alpha)
    yield "Shown to be flat", _equivalence(estimates)
    yield "Looking early", _looks(results) if results.experiments else ""
    yield "Slices", _slices(results)
    yield "Novelty", _trends(results)
    yield "Belief", _belief(estimates)
    yield "Offline gain", _offline(results)
    yield "Funnel", _funnel(results)
    yield "Money", _money(results)
    yield "A dash", _DASH


def _named(methods: Iterable[str]) -> str:
    return words.listed(sorted({_METHODS.get(method, method) for method in methods}))


def _tests(estimates: tuple[Estimate, ...], level: str) -> str:
    used = [text for kind, text in _TESTS.items() if any(e.kind is kind for e in estimates)]
    return f"{whole_sentence(words.listed(used))} Two-sided, intervals at {level}." if used else ""


def _lift_methods(estimates: tuple[Estimate, ...]) -> str:
    methods = _named(e.lift.method for e in estimates if isinstance(e.lift, Interval))
    if not methods:
        return ""
    return (
        f"Relative to the control arm; interval: {methods}. Where the control cannot be told from zero, "
        "no relative lift is given."
    )


def _covariates(estimates: tuple[Estimate, ...]) -> str:
    if not any(e.covariate_variance_removed for e in estimates):
        return ""
    return (
        "Metrics with a covariate are adjusted by regression on what was known before exposure (CUPED); the arms' own "
        "values are shown unadjusted, so the lift need not be their quotient."
    )


def _capping(estimates: tuple[Estimate, ...]) -> str:
    if not any(e.capped_units for e in estimates):
        return ""
    return (
        "Metrics with a cap are cut at a percentile of all arms together; beside them stands how many units, and how "
        "much of the value."
    )


def _multiplicity(estimates: tuple[Estimate, ...], alpha: float) -> str:
    said = []
    if any(e.adjustment is Adjustment.HOLM for e in estimates):
        said.append("primary metrics by Holm")
    if any(e.adjustment is Adjustment.BENJAMINI_HOCHBERG for e in estimates):
        said.append("secondary metrics and slices by Benjamini-Hochberg")
    guarded = any(e.role is Role.GUARDRAIL and e.non_inferiority for e in estimates)
    text = f"p-values are adjusted for {words.listed(said)}, at alpha {alpha:g}." if said else ""
    guard = (
        "Guardrails are tests of non-inferiority, each at alpha; a launch needs all of them."
        if guarded
        else ""
    )
    return f"{text} {guard}".strip()


def _equivalence(estimates: tuple[Estimate, ...]) -> str:
    if not any(e.equivalence_p is not None for e in estimates):
        return ""
    return (
        "A change is called too small to matter only when two one-sided tests place it within the smallest worthwhile "
        "lift. A large p-value alone shows nothing."
    )


def _looks(results: Results) -> str:
    if results.study.looks == "sequential":
        return (
            "Intervals and p-values come from asymptotic confidence sequences: they hold at every look, however often "
            "one looks, and are wider for it. The split of units is tested day by day in the same way."
        )
    return (
        "Intervals hold at the planned end only. Effects by day are for diagnosis; stopping at the first good day "
        "would find wins that are not there."
    )


def _slices(results: Results) -> str:
    if not results.heterogeneity:
        return ""
    return (
        "Whether lifts differ between slices is tested by Cochran's Q, whether they have opposite signs by Gail and "
        "Simon; a difference is taken apart into what happens within slices and what their mix does. A lift that is "
        "pulled in is the slice's own and that of the others, weighed by their precision (empirical Bayes)."
    )


def _trends(results: Results) -> str:
    if not results.trends:
        return ""
    return (
        "Whether an effect wears off or grows is the slope of the relative lift over the days since first exposure, "
        "over units that were there for all of these days. The effects by day of first exposure compare other units "
        "each day, and cannot tell that."
    )


def _belief(estimates: tuple[Estimate, ...]) -> str:
    prior = next((e.bayesian for e in estimates if e.bayesian is not None), None)
    if prior is None:
        return ""
    known = "a flat prior"
    if prior.prior_sd is not None:
        around, deviation = words.signed_percent(prior.prior_lift), words.percent(prior.prior_sd)
        known = f"a normal prior around {around} with a deviation of {deviation}"
    return f"P(better) and expected loss of shipping come from a normal posterior of the lift with {known}."


def _offline(results: Results) -> str:
    if not results.offline:
        return ""
    methods = _named(row.gain.method for row in results.offline if isinstance(row.gain, Interval))
    made = f" Intervals: {methods}." if methods else ""
    return f"Every model against its baseline on the queries or examples that both have; the others are counted.{made}"


def _funnel(results: Results) -> str:
    if not any(gap.funnel for gap in results.gaps):
        return ""
    methods = _named(stage.method for gap in results.gaps for stage in gap.funnel)
    return (
        "The log changes of the stages add up to the log change of the total without a rest; in money by logarithmic "
        f"mean weights. Method: {methods}. This is accounting, not causal."
    )


def _money(results: Results) -> str:
    if not any(gap.money_per_year for gap in results.gaps):
        return ""
    return "The effect per unit, on all units of a year like the days of the experiment, lasting as it was measured."
