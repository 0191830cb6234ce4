"""Answers made into a recommendation: target, what stands beside it, guardrails, the lazy score to beat, the TOML."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from abgap.offline.catalogue import Task, direction_of, find_metric, is_two_sided
from abgap.offline.choice.answers import (
    AMOUNTS,
    CLASSES,
    Answers,
    Audience,
    Costly,
    Goal,
    Objective,
    refuse_contradictions,
)
from abgap.offline.choice.rules import RULES, Draft, Pick
from abgap.records.words import declared_percent, listed
from abgap.study.toml import toml_comment, toml_key, toml_string

_MOST_BESIDE = 4
_BUSINESS = {
    Objective.REVENUE: ("revenue_per_session", "churn_rate"),
    Objective.RETENTION: ("next_day_retention", "churn_rate"),
    Objective.PRODUCTIVITY: ("task_completion_rate", "time_to_completion"),
    Objective.SUPPORT: ("ticket_deflection_rate", "escalation_rate"),
    Objective.RISK: ("escalation_rate", "churn_rate"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LazyScore:
    """What a lazy solution gets. value: None where the answers do not tell; in the metric's own units."""

    metric: str
    value: float | None
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One of the seven steps: what was asked, what the answer was, what follows."""

    number: int
    question: str
    answer: str
    consequence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """A set of metrics for a task.

    beside: two to four. business: the online metrics that the gain is held against, the second as a guardrail.
    disagreement: what it means when those beside the target move the other way. lazy: scores to beat, that of the
    target first. toml: a block for the study file.
    """

    task: Task
    target: Pick
    beside: tuple[Pick, ...]
    guardrails: tuple[Pick, ...]
    avoid: tuple[Pick, ...]
    business: tuple[Pick, ...]
    disagreement: str
    lazy: tuple[LazyScore, ...]
    steps: tuple[Step, ...]
    toml: str


def recommend(answers: Answers) -> Recommendation:
    """The set of metrics that the answers call for. Raises UsageError when answers contradict each other."""
    refuse_contradictions(answers)
    draft = RULES[answers.task](answers)
    beside = _beside(draft)
    shown = [draft.target, *beside]
    avoid = tuple(pick for pick in draft.avoid if pick.metric != draft.target.metric)
    guardrails = (*draft.guardrails, *_guardrails(answers, draft.target))
    entry = find_metric(draft.target.metric)
    return Recommendation(
        task=answers.task,
        target=draft.target,
        beside=beside,
        guardrails=guardrails,
        avoid=avoid,
        business=tuple(_business(answers)),
        disagreement="" if entry is None else entry.disagreement,
        lazy=tuple(_lazy(dict.fromkeys(pick.metric for pick in [*shown, *avoid]), answers)),
        steps=tuple(_steps(answers, draft.target, beside)),
        toml=_toml(answers, draft, beside),
    )


def _beside(draft: Draft) -> tuple[Pick, ...]:
    """The first four that are neither the target nor there already."""
    found: dict[str, Pick] = {}
    for pick in draft.beside:
        if pick.metric != draft.target.metric:
            found.setdefault(pick.metric, pick)
    return tuple(found.values())[:_MOST_BESIDE]


def _guardrails(answers: Answers, target: Pick) -> Iterator[Pick]:
    """What every launch is held to, whatever the task."""
    yield Pick(metric=target.metric, reason="in every slice: overall values hide failures on subgroups")
    if Goal.ROBUSTNESS in answers.goals:
        yield Pick(
            metric=target.metric, reason="on perturbed inputs (typos, case, truncation), tagged as a slice"
        )
    yield Pick(
        metric="latency_p95_ms", reason="a better model that is three times slower is often a bad trade"
    )
    yield Pick(metric="cost_per_1000_requests", reason="so is one that costs ten times as much")


def _business(answers: Answers) -> Iterator[Pick]:
    if answers.objective is not None:
        for name, role in zip(_BUSINESS[answers.objective], ("decides", "guardrail"), strict=True):
            entry = find_metric(name)
            if entry is not None:
                yield Pick(metric=name, reason=f"{role}: {entry.business}")


def _lazy(metrics: Iterable[str], answers: Answers) -> Iterator[LazyScore]:
    for metric in metrics:
        entry = find_metric(metric)
        if entry is None or entry.base in {"confusion_matrix", "click_through_rate"}:
            continue
        value = None if entry.lazy_form is None else entry.lazy_form.of(answers.facts)
        words = (
            entry.lazy
            if value is not None or entry.lazy_form is None
            else f"{entry.lazy} ({entry.lazy_form.text})"
        )
        yield LazyScore(metric=metric, value=value, words=words)


def _steps(answers: Answers, target: Pick, beside: tuple[Pick, ...]) -> Iterator[Step]:
    """The seven steps with what followed from each."""
    entry = find_metric(target.metric)
    watched = listed([pick.metric for pick in beside])
    yield _step(
        1, "What is the objective, and which failure costs more?", _first_answer(answers), _costs(answers)
    )
    measures = "" if entry is None else entry.formula
    yield _step(2, "What does the metric measure?", target.metric, measures)
    yield _step(3, "What are the data like?", _data(answers), target.reason)
    audience = (
        "the target or one beside it can be said in a sentence"
        if answers.audience is Audience.BUSINESS
        else "what decides need not be simple; show a simple one beside it"
    )
    yield _step(4, "Who has to understand it?", answers.audience.value, audience)
    yield _step(5, "Can the threshold be moved?", _yes_no(answers.threshold), _threshold(answers))
    goals = ", ".join(goal.value for goal in answers.goals) or "not said"
    yield _step(6, "What matters most?", goals, f"{target.metric} decides, {watched} are shown beside it")
    yield _step(
        7,
        "Are all candidates measured alike?",
        "by abgap",
        "the same metrics on the same split for every candidate, against the model in production; other example "
        "sets are refused",
    )


def _step(number: int, question: str, answer: str, consequence: str) -> Step:
    return Step(number=number, question=question, answer=answer, consequence=consequence)


def _first_answer(answers: Answers) -> str:
    said = [answers.objective.value] if answers.objective is not None else []
    said += [answers.costly.value] if answers.costly is not None else []
    if answers.has_costs:
        said.append(
            f"costs {answers.false_positive_cost:g} (false positive) and {answers.false_negative_cost:g}"
        )
    return ", ".join(said) or "not said"


def _costs(answers: Answers) -> str:
    if answers.has_costs:
        return "the cost of errors is the target"
    if answers.costly in {Costly.FALSE_NEGATIVE, Costly.FALSE_POSITIVE}:
        watched = "recall" if answers.costly is Costly.FALSE_NEGATIVE else "precision"
        also = (
            "; with both costs given, the cost itself becomes the target"
            if answers.task is Task.BINARY
            else ""
        )
        return f"{watched} is watched first{also}"
    if answers.costly in {Costly.TOO_HIGH, Costly.TOO_LOW}:
        return "bias is watched first"
    return "large errors weigh more" if answers.costly is Costly.LARGE_ERRORS else "both sides weigh the same"


def _data(answers: Answers) -> str:
    said = []
    if answers.positives is not None:
        whose = "in the largest class" if answers.task is Task.MULTICLASS else "positive"
        said.append(f"{declared_percent(answers.positives)} {whose}")
    if answers.task in CLASSES or answers.task is Task.SEGMENTATION:
        said.append("imbalanced" if answers.imbalanced else "not known to be imbalanced")
    for name, value in (("outliers", answers.outliers), ("zeros", answers.zeros)):
        if answers.task in AMOUNTS and value is not None:
            said.append(name if value else f"no {name}")
    if answers.candidates is not None:
        said.append(f"{answers.relevant or '?'} relevant of {answers.candidates} candidates per query")
    return ", ".join(said) or "not said"


def _yes_no(value: bool | None) -> str:  # noqa: FBT001 - the value itself is put into words
    return "not said" if value is None else "yes" if value else "no, only the order or the amount is used"


def _threshold(answers: Answers) -> str:
    if answers.task is not Task.BINARY:
        return (
            "there is none to move"
            if answers.task in AMOUNTS
            else "cut-offs and thresholds are declared, not tuned"
        )
    if (
        answers.has_costs
        and answers.false_positive_cost is not None
        and answers.false_negative_cost is not None
    ):
        cost = answers.false_positive_cost + answers.false_negative_cost
        threshold = answers.false_positive_cost / cost
        return f"calibrated probabilities are best cut at {threshold:.3g}: the cost of a false positive over both costs"
    return "move it before changing the model: where one error costs more, that often brings more than a new model"


def _toml(answers: Answers, draft: Draft, beside: tuple[Pick, ...]) -> str:
    """The block: valid as it is; what only people know stands in comments."""
    roles = [
        ("target", draft.target),
        *(("beside", p) for p in beside),
        *(("guardrail", p) for p in draft.guardrails),
    ]
    blocks = [
        "\n".join(_metric_lines(role, pick)) for role, pick in roles if pick.metric != "confusion_matrix"
    ]
    head = [
        f"# {toml_comment(f'abgap metrics choose, {answers.task.value}')}: the same set for every candidate."
    ]
    if answers.has_costs:
        head.append(
            f"# In [offline.predictions]: error_costs = {{ false_positive = {answers.false_positive_cost:g}, "
            f"false_negative = {answers.false_negative_cost:g} }}"
        )
    if answers.objective is not None:
        business = ", ".join(toml_string(name) for name in _BUSINESS[answers.objective][:1])
        head.append(f"# In [gap]: offline = [{toml_string(draft.target.metric)}], business = [{business}]")
    return "\n\n".join(["\n".join(head), *blocks]) + "\n"


def _metric_lines(role: str, pick: Pick) -> Iterator[str]:
    yield f"[offline_metrics.{toml_key(pick.metric)}]"
    if not is_two_sided(pick.metric):
        yield f"direction = {toml_string(direction_of(pick.metric).value)}"
    yield f"why = {toml_string(f'{role}: {pick.reason}')}"
    if role == "target":
        yield '# owner = "who answers for it"'
        yield "# review_by = 2027-06-30  # when it is looked at again"
