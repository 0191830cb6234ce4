"""Rules for the experiments: their variants, their dates and the models they served."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfoNotFoundError

from abgap.study.flaws import Draft, Flaw, suggestion
from abgap.study.model import Experiment, ExperimentsFile
from abgap.study.times import as_utc
from abgap.study.toml import Loc, quoted


def _experiments(draft: Draft) -> Iterator[tuple[Loc, Experiment]]:
    """Every experiment written in the study with its place; none when they are in a file."""
    experiments = draft.study.experiments
    if not isinstance(experiments, ExperimentsFile):
        yield from ((("experiments", name), experiment) for name, experiment in experiments.items())


def _known_variants(experiment: Experiment) -> tuple[str, ...] | None:
    """All variants of an experiment, None when the study leaves them to the data."""
    if experiment.treatments is not None:
        return tuple(dict.fromkeys((experiment.control, *experiment.treatments)))
    if isinstance(experiment.split, dict):
        return tuple(dict.fromkeys((experiment.control, *experiment.split)))
    return None


def some_experiment_is_declared(draft: Draft) -> Iterator[Flaw]:
    """Without a declared control nothing can be compared."""
    if not (draft.names("experiments") or draft.is_offline_only or draft.has_effects_alone):
        hint = 'add [experiments.NAME] with control = "..."; the control is never guessed'
        yield Flaw(("experiments",), "no experiment is declared", hint)


def control_is_no_treatment(draft: Draft) -> Iterator[Flaw]:
    """The control is not compared against itself."""
    for loc, experiment in _experiments(draft):
        if experiment.control in (experiment.treatments or ()):
            position = (experiment.treatments or []).index(experiment.control)
            message = f"{quoted(experiment.control)} is the control and cannot be a treatment too"
            yield Flaw((*loc, "treatments", position), message, "remove it from the treatments")


def treatments_are_named_once(draft: Draft) -> Iterator[Flaw]:
    """Declared treatments are a list of different variants."""
    for loc, experiment in _experiments(draft):
        treatments = experiment.treatments
        if treatments is None:
            continue
        if not treatments:
            hint = "name them, or leave the key out to compare every other variant seen"
            yield Flaw((*loc, "treatments"), "names no variant", hint)
        for position, name in enumerate(treatments):
            if name in treatments[:position]:
                yield Flaw(
                    (*loc, "treatments", position), f"{quoted(name)} is listed already", "remove one of them"
                )


def split_covers_the_variants(draft: Draft) -> Iterator[Flaw]:
    """The planned split has a share for the control and for each treatment, and for nothing else."""
    for loc, experiment in _experiments(draft):
        split = experiment.split
        if not isinstance(split, dict):
            continue
        arms = (experiment.control, *(experiment.treatments or ()))
        for name in dict.fromkeys(arms):
            if not draft.declares(*loc, "split", name):
                yield Flaw(
                    (*loc, "split"), f"has no share for {quoted(name)}", "give every variant its share"
                )
        if experiment.treatments is not None:
            for name in split:
                if name not in arms:
                    message = f"{quoted(name)} is neither the control nor a treatment"
                    yield Flaw((*loc, "split", name), message, suggestion(name, arms))
        elif len(draft.names(*loc, "split")) < 2 and experiment.control in split:
            yield Flaw((*loc, "split"), "has a share for the control only", "give every variant its share")


def starts_before_it_ends(draft: Draft) -> Iterator[Flaw]:
    """An experiment ends after it starts; the end is exclusive."""
    for loc, experiment in _experiments(draft):
        if experiment.start is None or experiment.end is None:
            continue
        try:
            start, end = (as_utc(at, draft.study.study.timezone) for at in (experiment.start, experiment.end))
        except OverflowError:
            yield Flaw(
                (*loc, "start"), "start or end is outside the years a timestamp can have", "correct it"
            )
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return  # the time zone has its own flaw
        else:
            if start >= end:
                message = f"is not after start ({experiment.start.isoformat()}); the end is exclusive"
                yield Flaw((*loc, "end"), message, "give the day after the last one")


def models_are_of_its_variants(draft: Draft) -> Iterator[Flaw]:
    """A served model belongs to a variant of the experiment."""
    for loc, experiment in _experiments(draft):
        known = _known_variants(experiment)
        for variant in experiment.models if known is not None else ():
            if known is not None and variant not in known:
                message = f"{quoted(variant)} is not a variant of this experiment"
                yield Flaw((*loc, "models", variant), message, suggestion(variant, known))
