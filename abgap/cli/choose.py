"""``abgap metrics choose``: seven steps to a set of metrics, asked one by one or given as options."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

import click

from abgap.cli import options
from abgap.cli.output import put_record
from abgap.errors import UsageError
from abgap.offline.choice.answers import (
    AMOUNTS,
    CLASSES,
    TASK_NAMES,
    Answers,
    Audience,
    Costly,
    Goal,
    Objective,
    task_of,
)

if TYPE_CHECKING:
    from abgap.offline.catalogue import Task

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

_SHARE = click.FloatRange(min=0.0, max=1.0, min_open=True, max_open=True)
_COST = click.FloatRange(min=0.0, min_open=True)
_ITEMS = click.IntRange(1, 10**6)
_UNKNOWN = "unknown"
_DECISIONS = (Costly.FALSE_POSITIVE, Costly.FALSE_NEGATIVE, Costly.EQUAL)
_OF_AMOUNTS = (Costly.LARGE_ERRORS, Costly.TOO_HIGH, Costly.TOO_LOW, Costly.EQUAL)


def _choice(words: Iterable[StrEnum]) -> click.Choice[str]:
    """Words by what is written, not by their names in Python."""
    return click.Choice([word.value for word in words])


_OPTIONS = (
    click.option(
        "--task", type=click.Choice(TASK_NAMES), help="What the model does. Without it, questions are asked."
    ),
    click.option("--objective", type=_choice(Objective), help="1. What the business wants of the model."),
    click.option("--costly-error", "costly", type=_choice(Costly), help="1. The failure that costs more."),
    click.option("--false-positive-cost", type=_COST, help="1. What a false positive costs, in any unit."),
    click.option(
        "--false-negative-cost", type=_COST, help="1. What a false negative costs, in the same unit."
    ),
    click.option(
        "--positives", type=_SHARE, help="3. Share of positives (of the largest class): 0.005 for one in 200."
    ),
    click.option("--classes", type=click.IntRange(2, 10**6), help="3. How many classes there are."),
    click.option("--outliers/--no-outliers", default=None, help="3. Whether single amounts lie far away."),
    click.option("--zeros/--no-zeros", default=None, help="3. Whether the true amount can be 0."),
    click.option("--candidates", type=_ITEMS, help="3. Items to rank per query."),
    click.option("--relevant", type=_ITEMS, help="3. Relevant ones among them."),
    click.option(
        "--audience",
        type=_choice(Audience),
        default=Audience.TECHNICAL.value,
        show_default=True,
        help="4. Who has to understand the number.",
    ),
    click.option(
        "--threshold/--no-threshold", default=None, help="5. Whether decisions are made at a threshold."
    ),
    click.option(
        "--goal",
        "goals",
        type=_choice(Goal),
        multiple=True,
        help="6. What matters most; may be repeated.",
    ),
    click.option("-k", type=_ITEMS, default=10, show_default=True, help="6. How many results are shown."),
)


def _asked_for(decorated: Decorated) -> Decorated:
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


@options.command(
    "choose",
    examples=[
        "abgap metrics choose",
        "abgap metrics choose --task fraud --costly-error false-negative --positives 0.005",
        "abgap metrics choose --task binary --false-positive-cost 1 --false-negative-cost 20 --objective risk",
        "abgap metrics choose --task search --goal first-answer -k 5 --candidates 100 --relevant 4",
        "abgap metrics choose --task forecast --audience business --no-zeros --json",
    ],
)
@_asked_for
@options.json_option
def choose(task: str | None, classes: int | None, *, as_json: bool, **given: Any) -> None:
    """Choose metrics in seven steps: a target, what to watch beside it, guardrails, and a lazy score to beat.

    Nothing is computed from data. The block at the end can be pasted into the study file.
    """
    from abgap.offline.choice import recommend  # noqa: PLC0415 - only when the command runs

    if task is None and as_json:
        raise UsageError("--json asks no questions", hint=f"name the task: --task {TASK_NAMES[0]}")
    found = _answered(given, classes) if task is None else _given(task, classes, given)
    recommended = recommend(found)
    if as_json:
        put_record("recommendation", recommended)
        return
    from abgap.cli.choices import show_recommendation  # noqa: PLC0415 - rich is not needed for --json

    show_recommendation(recommended)


def _given(task: str, classes: int | None, given: dict[str, Any]) -> Answers:
    meant, rare = task_of(task, classes)
    return Answers(
        task=meant,
        rare=rare,
        classes=classes,
        objective=_word(Objective, given["objective"]),
        costly=_word(Costly, given["costly"]),
        audience=Audience(given["audience"]),
        goals=tuple(map(Goal, given["goals"])),
        **{name: value for name, value in given.items() if name not in _WORDS},
    )


_WORDS = frozenset(("objective", "costly", "audience", "goals"))
_Word = TypeVar("_Word", Objective, Costly)


def _word(kind: type[_Word], text: str | None) -> _Word | None:
    return None if text is None else kind(text)


def _answered(given: dict[str, Any], classes: int | None) -> Answers:
    """Ask what the options do not say, step by step; what does not belong to the task is not asked."""
    task = _ask("What does the model do?", TASK_NAMES, TASK_NAMES[0]) or TASK_NAMES[0]
    meant, rare = task_of(task, classes)
    answers = dict(given)
    answers["objective"] = given["objective"] or _ask("1. What does the business want of it?", [*Objective])
    if meant in CLASSES | AMOUNTS:
        costly = _OF_AMOUNTS if meant in AMOUNTS else _DECISIONS
        answers["costly"] = given["costly"] or _ask("1. Which failure costs more?", costly)
    answers |= _asked_of_the_data(meant, rare=rare, given=given)
    answers["audience"] = _ask("4. Who has to understand the number?", [*Audience], Audience.TECHNICAL)
    if meant.value == "binary" and given["threshold"] is None:
        answers["threshold"] = _yes_no("5. Are decisions made at a threshold?")
    if not given["goals"]:
        goal = _ask("6. What matters most?", [*Goal])
        answers["goals"] = () if goal is None else (goal,)
    return _given(task, classes, answers)


def _asked_of_the_data(task: Task, *, rare: bool, given: dict[str, Any]) -> dict[str, Any]:
    """The third step: shares of classes, or outliers and zeros of amounts."""
    if task in AMOUNTS:
        asked = {
            "outliers": "3. Do single amounts lie far away (outliers)?",
            "zeros": "3. Can the true amount be 0?",
        }
        return {name: _yes_no(text) for name, text in asked.items() if given[name] is None}
    if task in CLASSES and given["positives"] is None:
        whose = "positives (rare, surely)" if rare else "positives (of the largest class)"
        return {"positives": _share(f"3. Share of {whose}, such as 0.005")}
    return {}


def _ask(question: str, choices: Sequence[str], default: str = _UNKNOWN) -> str | None:
    """One of the choices; None for unknown, which is always a choice without a default."""
    offered = [str(choice) for choice in choices]
    if default == _UNKNOWN:
        offered.append(_UNKNOWN)
    found: str = click.prompt(question, type=click.Choice(offered), default=str(default), err=True)
    return None if found == _UNKNOWN else found


def _yes_no(question: str) -> bool | None:
    answer = _ask(question, ["yes", "no"])
    return None if answer is None else answer == "yes"


def _share(question: str) -> float | None:
    """A share, None when it is not known."""

    def read(text: str) -> float | None:
        return None if text == _UNKNOWN else float(_SHARE(text))

    found: float | None = click.prompt(question, value_proc=read, default=_UNKNOWN, err=True)
    return found
