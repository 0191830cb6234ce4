"""What a comparison of slices shows, in a sentence that claims no more than its tests."""

from __future__ import annotations

from abgap.records import Heterogeneity, Interval, MixDecomposition
from abgap.records.words import label, p_value, percent, plural, sentence_case, signed_interval
from abgap.stats.procedure import Procedure


def heterogeneity_sentence(found: Heterogeneity, procedure: Procedure, *, several_arms: bool) -> str:
    """What was found, ending in a full stop. Names are plain text and are escaped where they are rendered."""
    parts = [_lifts(found, procedure.alpha)]
    if found.left_out and found.tested >= 2:
        verb = "is" if found.left_out == 1 else "are"
        parts.append(
            f"{plural(found.left_out, 'slice')} without a lift that can be compared {verb} left out."
        )
    if found.decomposition is not None:
        parts += _mix(found.decomposition)
    if procedure.is_sequential and found.p_value is not None:
        parts.append("Unlike the intervals, the test of slices is valid for one look only.")
    prefix = f"{found.treatment}: " if several_arms else ""
    return prefix + " ".join(sentence_case(part) for part in parts)


def _lifts(found: Heterogeneity, alpha: float) -> str:
    """Whether lifts differ."""
    lift = f"the lift of {label(found.metric)}"
    if found.p_adjusted is None:
        few = "no slice has" if found.tested == 0 else "only one slice has"
        return f"{lift} cannot be compared by {found.slice_name}: {few} a lift that can be compared."
    slices = f"{plural(found.tested, 'slice')} by {found.slice_name}"
    p = f"{p_value(found.p_adjusted)} after correction"
    if found.p_adjusted >= alpha:
        return f"{lift} is not shown to differ between the {slices} ({p})."
    beyond = (
        ""
        if found.i_squared is None
        else f"; {percent(found.i_squared, decimals=0)} of the variation is not chance"
    )
    text = f"{lift} differs between the {slices} ({p}{beyond})"
    if found.gail_simon_p is not None and found.gail_simon_p < alpha:
        return f"{text}: it rises in some and falls in others ({p_value(found.gail_simon_p)})."
    return f"{text}; opposite signs are not shown."


def _mix(found: MixDecomposition) -> list[str]:
    """What the mix of slices does to the whole, where anything is shown of it."""
    if found.reversal and isinstance(found.overall, Interval) and isinstance(found.within, Interval):
        whole, within = signed_interval(found.overall), signed_interval(found.within)
        differ = f"the difference is {whole} over all units and {within} within slices"
        mix = "the arms differ in their mix of slices"
        return [f"the whole and its slices point in opposite ways (Simpson's paradox): {differ}; {mix}."]
    if _decides(found) and isinstance(found.mix, Interval):
        part = f"{signed_interval(found.mix)} of the difference"
        return [
            f"the arms differ in their mix of slices, which makes {part} and decides whether it is told from zero."
        ]
    return []


def _decides(found: MixDecomposition) -> bool:
    """Whether the mix of slices is told from zero, and the whole only with it, or within slices only without."""
    parts = found.overall, found.within, found.mix
    whole, within, mix = (isinstance(part, Interval) and part.excludes_zero() for part in parts)
    return mix and whole != within
