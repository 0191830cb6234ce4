"""What one generated text scores against its references, by the libraries that own the metrics.

Nothing is downloaded: METEOR is nltk's, with exact and stemmed (Porter) matches, and without the synonyms of WordNet,
which would have to be fetched; values are a little below those with synonyms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from abgap.offline.tasks.extras import optional
from abgap.stats.bleu import TERMS

TASK = "generation"
ROUGE = {"rouge_1": "rouge1", "rouge_2": "rouge2", "rouge_l": "rougeL"}
METEOR = "meteor"


class TextScorer:
    """Scores texts; each kind of score is computed when it is asked for. wanted: names of terms."""

    def __init__(self, wanted: Sequence[str]) -> None:
        self._rouge = {name: kind for name, kind in ROUGE.items() if name in wanted}
        self._counts_ngrams, self._matches_words = TERMS[0] in wanted, METEOR in wanted
        if self._counts_ngrams or self._matches_words:
            self._bleu = optional("sacrebleu.metrics", task=TASK).BLEU()
            self._tokens = optional("sacrebleu.tokenizers.tokenizer_13a", task=TASK).Tokenizer13a()
        if self._rouge:
            scorers = optional("rouge_score.rouge_scorer", task=TASK)
            self._overlap = scorers.RougeScorer(list(self._rouge.values()), use_stemmer=False)
        if self._matches_words:
            self._meteor = optional("nltk.translate.meteor_score", task=TASK).meteor_score

    def score(self, said: str, references: Sequence[str]) -> dict[str, float]:
        """The terms of one example."""
        found: dict[str, float] = {}
        if self._counts_ngrams:
            found |= self._ngrams(said, references)
        if self._rouge:
            scores: Mapping[str, Any] = self._overlap.score_multi(list(references), said)
            found |= {name: float(scores[kind].fmeasure) for name, kind in self._rouge.items()}
        if self._matches_words:
            words = [self._tokens(reference).split() for reference in references]
            found[METEOR] = float(self._meteor(words, self._tokens(said).split(), wordnet=_NoSynonyms()))
        return found

    def _ngrams(self, said: str, references: Sequence[str]) -> dict[str, float]:
        result = self._bleu.corpus_score([said], [[reference] for reference in references])
        numbers = [*result.counts, *result.totals, result.sys_len, result.ref_len]
        return dict(zip(TERMS, map(float, numbers), strict=True))


class _NoSynonyms:
    """In place of WordNet: no word has another."""

    def synsets(self, _word: str) -> list[object]:
        return []
