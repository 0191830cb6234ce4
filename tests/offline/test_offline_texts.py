"""Generated texts: BLEU, ROUGE and METEOR as their libraries have them, over lists of references and hostile texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nltk.translate.meteor_score import meteor_score
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import bleu as library

from abgap.engine.duckdb import DuckDBEngine
from abgap.errors import DataError, EngineError, ExitCode
from abgap.offline.contest import Contest
from abgap.offline.example_contests import Terms
from abgap.offline.tasks import extras
from abgap.offline.tasks.contests import Procedure
from abgap.offline.tasks.generation import LAZY_EMPTY, LAZY_REFERENCE, generation_contests
from abgap.records import Interval
from abgap.stats.bleu import BLEU
from abgap.study.load import check_study

Measure = Callable[..., Mapping[tuple[str, str, str], Contest]]
WORDS = [
    "the",
    "a",
    "cat",
    "dog",
    "sat",
    "ran",
    "on",
    "mat",
    "quickly",
    "very",
    "happy",
    "houses",
    "running",
    "'",
    "<b>",
    "|",
    ";",
]
TERMS = Terms(alpha=0.05, seed=1, noun="examples")
rng = np.random.default_rng(8)
N = 24
REFERENCES = [[" ".join(rng.choice(WORDS, 9)) for _ in range(1 + i % 2)] for i in range(N)]


def spoilt(text: str, share: float) -> str:
    return " ".join(word if rng.random() > share else str(rng.choice(WORDS)) for word in text.split())


SAID = {model: [spoilt(r[0], share) for r in REFERENCES] for model, share in (("new", 0.2), ("old", 0.5))}


@pytest.fixture
def measure(tmp_path: Path) -> Measure:
    """Put texts into an engine, and score them."""

    def measured(
        said: Mapping[str, list[str]], references: list[list[str]], declared: Mapping[str, Any] | None = None
    ) -> Mapping[tuple[str, str, str], Contest]:
        columns = {name: name for name in ("model", "example", "y_true", "y_pred")}
        source = {"path": "p", "task": "generation", "columns": columns}
        study = check_study({"offline": {"predictions": source}, "offline_metrics": dict(declared or {})})
        rows = [
            (model, f"e{i:02}", references[i], text, "a" if i % 2 else "b")
            for model, texts in said.items()
            for i, text in enumerate(texts)
        ]
        with DuckDBEngine(directory=tmp_path) as engine:
            connection = engine.connection
            connection.execute(
                "create temp table predictions "
                '(model varchar, example varchar, y_true varchar[], y_pred varchar, "slice 1" varchar)'
            )
            connection.executemany("insert into predictions values (?, ?, ?, ?, ?)", rows)
            procedure = Procedure(terms=TERMS, pairs=(("new", "old"),), alone=("old",))
            contests = generation_contests(engine, study, ["kind"], procedure)
        return {(c.metric, c.model, c.slice_value or ""): c for c in contests}

    return measured


def sacre(said: list[str], references: list[list[str]]) -> float:
    most = max(map(len, references))
    streams: Any = [[r[i] if i < len(r) else None for r in references] for i in range(most)]
    return float(library.BLEU().corpus_score(said, streams).score)


def test_scores_are_those_of_the_libraries(measure: Measure) -> None:
    found = measure(SAID, REFERENCES)
    rouge = RougeScorer(["rouge1", "rouge2", "rougeL"])
    for model, said in SAID.items():
        assert found["bleu", model, ""].value == pytest.approx(sacre(said, REFERENCES), rel=1e-12)
        scores = [rouge.score_multi(r, s) for r, s in zip(REFERENCES, said, strict=True)]
        for name, kind in (("rouge_1", "rouge1"), ("rouge_2", "rouge2"), ("rouge_l", "rougeL")):
            expected = np.mean([score[kind].fmeasure for score in scores])
            assert found[name, model, ""].value == pytest.approx(expected, rel=1e-12)
        assert 0.0 < (found["meteor", model, ""].value or 0.0) < 1.0
    part = [i for i in range(N) if i % 2]
    expected = sacre([SAID["new"][i] for i in part], [REFERENCES[i] for i in part])
    assert found["bleu", "new", "a"].value == pytest.approx(expected, rel=1e-12)


def test_meteor_is_that_of_nltk_where_no_synonym_is_needed(measure: Measure) -> None:
    class Nothing:
        def synsets(self, _: str) -> list[str]:
            return []

    references, said = [["the happy cats sat"]] * 8, ["the happy cat ran"] * 8
    expected = meteor_score([references[0][0].split()], said[0].split(), wordnet=Nothing())
    found = measure({"new": said, "old": said}, references, {"meteor": {}})
    assert found["meteor", "new", ""].value == pytest.approx(expected, rel=1e-12)
    assert expected > 0.5, "cats and cat have one stem"


def test_texts_are_compared_and_beaten_by_what_learnt_nothing(measure: Measure) -> None:
    found = measure(SAID, REFERENCES)
    for name in ("rouge_1", "rouge_l", "meteor"):
        contest = found[name, "new", ""]
        assert isinstance(contest.gain, Interval)
        assert (contest.gain.method, contest.gain.low > 0) == ("paired-t", True)
    bleu = found["bleu", "new", ""]
    assert isinstance(bleu.gain, Interval)
    assert bleu.gain.method == "paired bootstrap"
    first = min({r[0] for r in REFERENCES})
    assert bleu.lazy[LAZY_REFERENCE] == pytest.approx(sacre([first] * N, REFERENCES), rel=1e-12)
    assert bleu.lazy[LAZY_EMPTY] == 0.0


@pytest.mark.parametrize("said", ["", "zebra", "the", "the cat", "the cat sat on the mat today again"])
def test_bleu_of_sums_is_that_of_sacrebleu_for_odd_texts(said: str) -> None:
    reference = "the cat sat on the mat today"
    score = library.BLEU().corpus_score([said, said], [[reference, "the dog"]])
    sums = np.array([*score.counts, *score.totals, score.sys_len, score.ref_len, 2.0])
    assert float(BLEU.of(sums)) == pytest.approx(score.score, abs=1e-12)


def test_models_with_other_references_are_refused(measure: Measure) -> None:
    class Alternating(list[list[str]]):
        calls = 0

        def __getitem__(self, i: Any) -> Any:
            type(self).calls += 1
            return ["x y"] if type(self).calls > N else super().__getitem__(i)

    with pytest.raises(DataError, match="different truths for 1 example"):
        measure(SAID, Alternating(REFERENCES))


def test_a_missing_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(extras, "import_module", nothing)
    with pytest.raises(
        EngineError, match=r"needs sacrebleu, which is not installed: install abgap\[text\]"
    ) as e:
        extras.optional("sacrebleu.metrics", task="generation")
    assert e.value.exit_code is ExitCode.ENGINE
