"""Ready-made business metrics: what each needs out of the logs, its contract, and what it says to the business.

A recipe knows no file: ``placed_recipes.py`` finds its ingredients in the tables that ``abgap init`` was given. The
margins and the smallest worthwhile lifts are places to start from; only the business knows its own.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum

from abgap.errors import UsageError
from abgap.records.vocabulary import Direction, Kind, Role
from abgap.study.guessed_metrics import MONEY, PURCHASES


class Shape(StrEnum):
    """How the ingredients become a metric."""

    SHARE = "share"
    TIME = "time"
    RETENTION = "retention"
    AMOUNT = "amount"
    UNITS = "units"
    AVOIDED = "avoided"


_KINDS = {Shape.RETENTION: Kind.RETENTION, Shape.UNITS: Kind.PROPORTION}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingredient:
    """Something that has to be in the logs.

    name: what it is, in words. such_as: an event or column that would be recognised. stems: how words of events and
    columns begin, the surest first. unless: beginnings that make it something else. is_id: whether a column that
    names it will do, whose different values are counted.
    """

    name: str
    such_as: str
    stems: tuple[str, ...]
    unless: tuple[str, ...] = ()
    is_id: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A business metric before it has columns.

    summary: what it is. counted: the events of the numerator, or of the units that count. over: what they are divided
    by. amount: the number that is added up. better, worse: what an established change says to the business.
    """

    name: str
    summary: str
    shape: Shape
    better: str
    worse: str
    why: str
    counted: Ingredient | None = None
    over: Ingredient | None = None
    amount: Ingredient | None = None
    direction: Direction = Direction.UP
    role: Role = Role.SECONDARY
    window_days: int | None = 14
    smallest_worthwhile_lift: float | None = None
    non_inferiority_margin: float | None = None
    money: bool = False

    @property
    def kind(self) -> Kind:
        """The kind of metric over logs of events."""
        return _KINDS.get(self.shape, Kind.RATIO)


_ENDED = ("close", "resolv", "solved", "complet", "finish", "reopen")
_TO_HUMANS = ("escalat", "handoff", "handover", "transfer", "human", "agent")
_ANSWERS = ("accept", "reject", "dismiss", "decline", "ignore")
_DONE = Ingredient(
    name="completed tasks",
    such_as="task_completed",
    stems=("complet", "finish", "succe", "done"),
    unless=("time", "second", "duration"),
)

_RECIPES = (
    Recipe(
        name="acceptance_rate",
        summary="share of the suggestions shown that users accept",
        shape=Shape.SHARE,
        counted=Ingredient(name="accepted suggestions", such_as="suggestion_accepted", stems=("accept",)),
        over=Ingredient(
            name="suggestions shown",
            such_as="suggestion_shown",
            stems=("suggest", "recommend", "offer", "predict", "shown", "impression", "display"),
            unless=_ANSWERS,
        ),
        smallest_worthwhile_lift=0.02,
        better="users take up more of what the model suggests",
        worse="users take up less of what the model suggests",
        why="a suggestion that nobody takes is worth nothing",
    ),
    Recipe(
        name="task_completion",
        summary="share of the tasks begun that are completed",
        shape=Shape.SHARE,
        counted=_DONE,
        over=Ingredient(
            name="tasks begun",
            such_as="task_started",
            stems=("start", "begin", "began", "begun", "attempt", "open", "creat"),
            unless=(*_ENDED, "done", "succe", "session", "app"),
        ),
        smallest_worthwhile_lift=0.01,
        better="more users can do what they came to do",
        worse="fewer users can do what they came to do",
        why="users come to get something done",
    ),
    Recipe(
        name="time_to_completion",
        summary="mean time that a completed task takes",
        shape=Shape.TIME,
        counted=_DONE,
        amount=Ingredient(
            name="how long a task took",
            such_as="seconds",
            stems=("second", "duration", "elapsed", "minute", "completiontime"),
            unless=("latency",),
        ),
        direction=Direction.DOWN,
        smallest_worthwhile_lift=0.02,
        better="users are more productive",
        worse="users are less productive",
        why="time saved is what is paid for; only completed tasks count, so read it beside their share",
    ),
    Recipe(
        name="next_day_retention",
        summary="share of users who come back on the day after their first exposure",
        shape=Shape.RETENTION,
        counted=Ingredient(
            name="times of exposures and events, or who came back",
            such_as="returned_next_day",
            stems=("return", "retain", "retention", "cameback", "nextday"),
        ),
        window_days=None,
        smallest_worthwhile_lift=0.01,
        better="more users come back the next day",
        worse="fewer users come back the next day",
        why="users vote with their return",
    ),
    Recipe(
        name="revenue_per_session",
        summary="revenue divided by sessions",
        shape=Shape.AMOUNT,
        counted=Ingredient(name="purchases", such_as="purchase", stems=tuple(sorted(PURCHASES))),
        amount=Ingredient(name="what was paid", such_as="amount", stems=tuple(sorted(MONEY))),
        over=Ingredient(name="sessions", such_as="session_id", stems=("session", "visit"), is_id=True),
        smallest_worthwhile_lift=0.01,
        money=True,
        better="users are buying more",
        worse="users are buying less",
        why="the money that a visit brings",
    ),
    Recipe(
        name="churn",
        summary="share of users who leave",
        shape=Shape.UNITS,
        counted=Ingredient(
            name="cancellations",
            such_as="subscription_cancelled",
            stems=("churn", "unsubscrib", "cancel", "deactivat", "uninstall"),
            unless=("order", "purchase", "cart", "payment", "task"),
        ),
        direction=Direction.DOWN,
        role=Role.GUARDRAIL,
        window_days=28,
        non_inferiority_margin=0.05,
        better="users are staying longer",
        worse="users are leaving sooner",
        why="a user who left brings nothing any more",
    ),
    Recipe(
        name="ticket_deflection",
        summary="share of the requests for help that need no support ticket",
        shape=Shape.AVOIDED,
        counted=Ingredient(
            name="support tickets",
            such_as="ticket_created",
            stems=("ticket", "case"),
            unless=(*_ENDED, *_TO_HUMANS, "updat", "comment"),
        ),
        over=Ingredient(
            name="requests for help",
            such_as="help_requested",
            stems=("help", "faq", "question", "support", "contact", "chat", "conversation"),
            unless=("ticket", "case", *_ENDED, *_TO_HUMANS),
        ),
        smallest_worthwhile_lift=0.02,
        better="fewer questions become tickets, which lowers the cost of support",
        worse="more questions become tickets, which raises the cost of support",
        why="every ticket costs an agent's time",
    ),
    Recipe(
        name="escalations",
        summary="share of the problems that have to be passed on to a human agent",
        shape=Shape.SHARE,
        counted=Ingredient(name="escalations", such_as="escalated_to_agent", stems=_TO_HUMANS),
        over=Ingredient(
            name="problems that could be escalated",
            such_as="conversation_started",
            stems=("conversation", "chat", "problem", "issue", "ticket", "error", "request", "help", "contact"),
            unless=(*_TO_HUMANS, *_ENDED),
        ),
        direction=Direction.DOWN,
        role=Role.GUARDRAIL,
        non_inferiority_margin=0.05,
        better="fewer problems reach human agents",
        worse="more problems reach human agents",
        why="what the model cannot solve, people have to",
    ),
)  # fmt: skip
RECIPES: Mapping[str, Recipe] = {recipe.name: recipe for recipe in _RECIPES}


def find_recipe(name: str) -> Recipe:
    """The recipe of a name. Raises UsageError, with the nearest name, when there is none."""
    found = RECIPES.get(name.replace("-", "_").casefold())
    if found is None:
        near = difflib.get_close_matches(name, RECIPES, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "`abgap init --recipe list` shows all of them"
        raise UsageError(f"there is no recipe {name!r}", hint=hint)
    return found


def as_data(recipe: Recipe) -> dict[str, object]:
    """A recipe for JSON."""
    return {"name": recipe.name, "kind": recipe.kind.value} | {
        key: value for key, value in asdict(recipe).items() if key != "name"
    }
