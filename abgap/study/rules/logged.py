"""Rules for target policies, which mean something beside a log of decisions only."""

from __future__ import annotations

from collections.abc import Iterator

from abgap.study.flaws import Draft, Flaw


def policies_have_a_log(draft: Draft) -> Iterator[Flaw]:
    """Policies are judged by a log."""
    if draft.declares("offline", "policies") and not draft.declares("offline", "logged"):
        hint = "say where the logged decisions are: [offline.logged]"
        yield Flaw(("offline", "policies"), "are judged by a log of decisions, and there is none", hint)


def policies_depend_on_what_is_logged(draft: Draft) -> Iterator[Flaw]:
    """What a policy depends on is known of every logged decision."""
    offline = draft.study.offline
    if offline.policies is None or offline.logged is None:
        return
    for role in ("context", "position"):
        if role in offline.policies.columns and role not in offline.logged.columns:
            hint = "map it in [offline.logged] too, or take it out if policies do not depend on it"
            yield Flaw(("offline", "policies", "columns", role), f"no logged decision has a {role}", hint)


def some_policy_is_judged(draft: Draft) -> Iterator[Flaw]:
    """A log without any target policy answers nothing."""
    logged = draft.study.offline.logged
    if logged is not None and not logged.uniform and not draft.declares("offline", "policies"):
        hint = "add [offline.policies], or take this out"
        yield Flaw(("offline", "logged", "uniform"), "leaves no policy to be judged", hint)
