"""What offline evaluation finds: the records of results.json about models, their metrics and what these are worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from abgap.records.numbers import Estimable, Interval
from abgap.records.vocabulary import Direction


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfusionMatrix:
    """How often a model called each class what: counts[actual][predicted], over all examples.

    other: how many of the rarest classes are taken together as the last of ``classes``.
    """

    model: str
    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    other: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineRow:
    """One offline metric of one model, over all examples or in a slice, against its baseline.

    baseline: None for a model that is held against none; then there are values and no gain.
    n: queries or examples compared; skipped: those left out (not shared by both models, or without value).
    gain: model minus baseline, in the metric's own units; a NotEstimable with reason ``no_interval_given``
    when only a bare value was given: then ``value - baseline_value`` is taken at face value.
    p_adjusted: Holm over the candidates of a metric, Benjamini-Hochberg over the slices of a comparison.
    bootstrap, p_permutation: the paired bootstrap interval and the exchange test, beside interval and p of ``gain``.
    effect_size: Cohen's d of the paired differences. shrunk_gain: pulled towards the other candidates (winner's curse);
    luck: what the gain owes to errors of its own, which all candidates do not share; candidates: how many there are.
    nearest_to: of a metric that is the better the nearer it is to a value, from either side, that value; ``direction``
    says nothing then.
    examples_needed: to establish ``worthwhile_gain`` with 80 % power; that is the gain seen when none is declared.
    lazy: the metric of predictors that learnt nothing, by name. skill: what is gained over the best of them, as a share
    of what could be gained. target_ready: False when a lazy solution satisfies the metric, None when it cannot be told.
    counts: of examples that are special (tied, empty, missing ...), by what is special.
    """

    model: str
    baseline: str | None
    metric: str
    definition: str
    direction: Direction
    slice_name: str | None
    slice_value: str | None
    n: int | None
    skipped: int
    value: float | None
    baseline_value: float | None
    gain: Estimable
    p_value: float | None
    p_adjusted: float | None
    lazy: Mapping[str, float] = field(default_factory=dict)
    bootstrap: Estimable | None = None
    p_permutation: float | None = None
    effect_size: Estimable | None = None
    shrunk_gain: Interval | None = None
    luck: Interval | None = None
    candidates: int | None = None
    worthwhile_gain: float | None = None
    examples_needed: int | None = None
    skill: float | None = None
    target_ready: bool | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    nearest_to: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def best_lazy(self) -> str | None:
        """The name of the lazy predictor that does best by the metric; None without any."""
        return min(self.lazy, key=lambda name: (-self.turned(self.lazy[name]), name), default=None)

    def turned(self, value: float) -> float:
        """A value of the metric with up as good: minus its distance where nearer is better."""
        return self.direction.sign * value if self.nearest_to is None else -abs(value - self.nearest_to)

    @property
    def difference(self) -> float | None:
        """Value minus baseline as they stand, without an interval; None where one of them is missing."""
        if self.value is None or self.baseline_value is None:
            return None
        return self.value - self.baseline_value

    @property
    def bare_improvement(self) -> float | None:
        """Value minus baseline with up as good, without an interval; None where one of them is missing."""
        if self.value is None or self.baseline_value is None:
            return None
        return self.turned(self.value) - self.turned(self.baseline_value)

    @property
    def improvement(self) -> Estimable:
        """The gain with up as good; where nearer is better, how much nearer, the baseline's value taken as known."""
        if not isinstance(self.gain, Interval):
            return self.gain
        if self.nearest_to is not None and self.baseline_value is not None:
            return self.gain.nearer(self.nearest_to - self.baseline_value)
        return self.gain if self.direction.sign > 0 else self.gain.flipped()


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineHistory:
    """One offline metric of one evaluation: a model of a family on a day, beside the evaluation before it.

    family: as declared of the model, else the model itself. date: ISO day. value with its standard_error (None where it
    cannot be told) over n examples. previous_model, previous_date: the model's own evaluation before, else the family's
    last one before; None for the first. change: value minus that, with its interval: paired where both were evaluated
    on the same examples. fell: whether the change is established and for the worse.
    """

    metric: str
    family: str
    model: str
    date: str
    direction: Direction
    n: int | None
    value: float | None
    standard_error: float | None
    previous_model: str | None
    previous_date: str | None
    change: Estimable | None
    p_value: float | None
    fell: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SweptDefinition:
    """A comparison of two models under another definition of the metric.

    change: from the declared definition, in words. outcome: of an established gain whether it ``survives``, ``turns``
    or is ``not established`` there; of any other whether it is ``established`` there or not. shift: the declared gain
    minus this one, query by query; None where the two count other queries, or in other units.
    """

    change: str
    definition: str
    n: int
    value: float | None
    baseline_value: float | None
    gain: Estimable
    p_value: float | None
    outcome: str
    shift: Estimable | None = None
    shift_p: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineSweep:
    """Whether a win (or a loss) depends on how the metric is defined.

    definitions: others, of which each changes one thing. survives: under how many of them an established gain survives,
    None when it is not established. p-values are not adjusted: the definitions are no candidates.
    """

    model: str
    baseline: str
    metric: str
    definition: str
    gain: Estimable
    p_value: float | None
    definitions: tuple[SweptDefinition, ...]
    survives: int | None
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineTwin:
    """The gain of a model in a metric minus its gain in the twin that counts other labels.

    n, n_twin: queries or examples of both comparisons; shared: those in both. difference: up is good, so that a
    positive one is gain that the labels of the twin do not see.
    """

    model: str
    baseline: str
    metric: str
    twin: str
    n: int
    n_twin: int
    shared: int
    difference: Estimable
