"""Generated texts held against references: BLEU over all of them, ROUGE and METEOR text by text.

Lazy solutions: the same answer to everything, the most frequent reference; and no answer at all.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from abgap.engine.catalogue import compile_query
from abgap.engine.protocol import Engine
from abgap.errors import DataError
from abgap.offline.contest import Contest
from abgap.offline.tasks.contests import Procedure
from abgap.offline.tasks.examples import KEY, several_truths
from abgap.offline.tasks.given_terms import GivenRow, given_contests
from abgap.offline.tasks.metric import TaskMetric, wanted_metrics
from abgap.offline.tasks.sums import SliceColumn
from abgap.offline.tasks.texts import METEOR, ROUGE, TextScorer
from abgap.stats.bleu import BLEU
from abgap.stats.score_of_sums import mean_of
from abgap.study.model import Study

_DEFINITIONS = {
    "bleu": "BLEU of all texts together, 0 to 100: 1- to 4-grams, 13a tokens, exponential smoothing (sacrebleu)",
    "rouge_1": "mean over examples of the F1 of words shared with the best reference (rouge-score, no stems)",
    "rouge_2": "mean over examples of the F1 of word pairs shared with the best reference (rouge-score, no stems)",
    "rouge_l": "mean over examples of the F1 of the longest common subsequence with the best reference (rouge-score)",
    "meteor": "mean over examples of METEOR with exact and stemmed matches, without synonyms (nltk, 13a tokens)",
}
_SCORES = {"bleu": BLEU, **{name: mean_of(name) for name in (*ROUGE, METEOR)}}
LAZY_REFERENCE, LAZY_EMPTY = "most frequent reference", "empty answer"


def generation_contests(
    engine: Engine, study: Study, slices: Sequence[str], procedure: Procedure
) -> list[Contest]:
    """Every metric of every model of the view ``predictions``, and of every pair.

    Raises EngineError when a library is missing, and DataError when models have different references for an example.
    """
    known = {
        name: TaskMetric(
            name=name, base=name, score=_SCORES[name], definition=text, undefined="there are no examples"
        )
        for name, text in _DEFINITIONS.items()
    }
    metrics = wanted_metrics(study, known, tuple(known))
    scorer = TextScorer([term for metric in metrics for term in metric.score.terms])
    texts = _read(engine, slices)
    examples = _examples(texts)
    return given_contests(
        engine,
        _scored(texts, scorer),
        [
            row
            for name, said in _lazy_answers(examples).items()
            for row in _scored(_saying(examples, name, said), scorer)
        ],
        slices,
        metrics,
        procedure,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Text:
    model: str
    example: str
    references: tuple[str, ...]
    said: str
    slices: tuple[str | None, ...]


def _read(engine: Engine, slices: Sequence[str]) -> list[_Text]:
    columns = SliceColumn.numbered(slices)
    rows = engine.fetch(compile_query("task_texts", slices=columns))
    values = [rows[f"slice {i + 1}"] for i in range(len(slices))]
    return [
        _Text(
            model=str(rows["model"][i]),
            example=str(rows["example"][i]),
            references=_as_references(rows["y_true"][i], str(rows["example"][i])),
            said=str(rows["y_pred"][i]),
            slices=tuple(value[i] if isinstance(value[i], str) else None for value in values),
        )
        for i in range(len(rows["model"]))
    ]


def _as_references(value: object, example: str) -> tuple[str, ...]:
    """One text, or a list of them."""
    if isinstance(value, str):
        return (value,)
    texts = tuple(value) if isinstance(value, Iterable) else ()
    if not texts or not all(isinstance(text, str) for text in texts):
        raise DataError(
            f"{KEY}: the references of example {example!r} are no texts; give one text, or a list of texts without gaps"
        )
    return texts


def _examples(texts: Sequence[_Text]) -> list[_Text]:
    """Each example once."""
    found: dict[str, _Text] = {}
    for text in texts:
        if found.setdefault(text.example, text).references != text.references:
            raise several_truths(text.example)
    return list(found.values())


def _lazy_answers(examples: Sequence[_Text]) -> dict[str, str]:
    counts = collections.Counter(text.references[0] for text in examples)
    if not counts:
        return {}
    most = max(counts.values())
    return {LAZY_REFERENCE: min(text for text, n in counts.items() if n == most), LAZY_EMPTY: ""}


def _saying(examples: Sequence[_Text], name: str, said: str) -> list[_Text]:
    return [replace(example, model=name, said=said) for example in examples]


def _scored(texts: Sequence[_Text], scorer: TextScorer) -> list[GivenRow]:
    return [
        GivenRow(model=t.model, example=t.example, slices=t.slices, terms=scorer.score(t.said, t.references))
        for t in texts
    ]
