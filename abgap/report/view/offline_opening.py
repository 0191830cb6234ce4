"""The first screen of a study without experiments: what offline evaluation says of its models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from abgap.records import OfflineRow, Results, words
from abgap.report.marks import Mark, offline_reading
from abgap.report.offline_rows import by_pair, pair_title
from abgap.report.view.cells import joined
from abgap.report.view.model import Tally, TallyRow

_MOST_NAMED = 3


def offline_verdict(results: Results) -> tuple[str, str]:
    """The sentence and its supplement, out of the rows over all examples."""
    rows = [row for row in results.offline if row.slice_name is None]
    if not rows and results.counterfactual:
        first = results.counterfactual[0]
        return first.sentence, first.next_action
    pairs = {
        pair: Counter(offline_reading(row, alpha=results.study.alpha).word for row in found)
        for pair, found in by_pair(row for row in rows if row.baseline is not None).items()
    }
    if not pairs:
        models = words.plural(len({row.model for row in rows}), "model")
        return f"{models} evaluated, none held against another.", _no_baseline(rows)
    later = joined(_unfit(rows), "Whether that moves the business only an experiment tells.")
    if len(pairs) == 1:
        ((pair, counts),) = pairs.items()
        return f"{pair_title(pair)}: {_counted(counts)}.", later
    clean = [model for (model, _), counts in pairs.items() if counts["better"] and not counts["worse"]]
    candidates = words.plural(len(pairs), "candidate")
    sentence = f"{words.count(len(clean))} of {candidates} got better in a metric and worse in none."
    named = f"{words.listed(clean[:_MOST_NAMED])}{' and others' if len(clean) > _MOST_NAMED else ''}."
    return sentence, joined(f"These are: {named}" if clean else "", later)


def offline_tally(results: Results) -> Tally:
    """How many metrics of the candidates got better and worse."""
    compared = [row for row in results.offline if row.slice_name is None and row.baseline is not None]
    found: Counter[Mark] = Counter(offline_reading(row, alpha=results.study.alpha) for row in compared)
    most = max(found.values(), default=1)
    return Tally(
        caption="Metrics of the models against their baselines",
        rows=tuple(
            TallyRow(mark=mark, count=words.count(n), share=n / most, items=())
            for mark, n in sorted(found.items(), key=lambda item: item[0].word)
        ),
        note="",
    )


def _unfit(rows: Sequence[OfflineRow]) -> str:
    """The metrics that a solution satisfies which learnt nothing."""
    unfit = list(dict.fromkeys(row.metric for row in rows if row.target_ready is False))
    if not unfit:
        return ""
    verb = "are" if len(unfit) > 1 else "is"
    return f"{words.listed(unfit)} {verb} satisfied by a solution that learnt nothing: not to be a target."


def _counted(counts: Counter[str]) -> str:
    said = [f"{words.plural(n, 'metric')} {word}" for word, n in sorted(counts.items())]
    return words.listed(said)


def _no_baseline(rows: Sequence[OfflineRow]) -> str:
    if not rows:
        return "The sources hold nothing that could be evaluated."
    return 'With production = "..." under [offline], every model is held against the one that is live.'
