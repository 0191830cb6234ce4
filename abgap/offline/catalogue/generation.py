"""Metrics of generated text held against reference texts."""

from __future__ import annotations

from abgap.offline.catalogue.entry import MetricEntry, Task

_NEEDS = "generated and reference text of each example, or ready-made values per example in [offline.scores]"
_TASKS = (Task.GENERATION,)

ENTRIES = (
    MetricEntry(
        name="bleu",
        title="BLEU",
        aliases=("sacrebleu", "bleu_score", "corpus_bleu"),
        tasks=_TASKS,
        formula="brevity penalty * geometric mean of the precisions of 1- to 4-grams",
        high=100.0,
        best=100.0,
        needs=_NEEDS,
        use_when="Translation, over a whole corpus, against the same references.",
        misleads=(
            "A right answer in other words scores nothing, a fluent wrong one much. The value of a corpus is not the "
            "mean over sentences; tokenisation moves it by points; some tools have it from 0 to 1."
        ),
        lazy="Copying the source gets a value above 0 where names and numbers are the same in both languages.",
        watch=("rouge_l", "meteor", "acceptance_rate"),
        disagreement="METEOR accepts stems: where it disagrees, words are inflected or moved.",
        business="How close the wording is to what a person wrote; people's acceptance decides.",
    ),
    *(
        MetricEntry(
            name=name,
            title=title,
            aliases=aliases,
            tasks=_TASKS,
            formula=formula,
            needs=_NEEDS,
            use_when="Summaries: how much of the reference is there.",
            misleads="Long text finds more of the reference; contradictions share most of their words with the truth.",
            lazy="The first three sentences of the source are hard to beat.",
            watch=("bleu", "meteor", "acceptance_rate"),
            disagreement="BLEU falls where recall is bought with length.",
            business="How much of what should be said is said.",
        )
        for name, title, aliases, formula in (
            ("rouge_1", "ROUGE-1", ("rouge1", "rouge-1"), "F1 of the words shared with the reference"),
            (
                "rouge_2",
                "ROUGE-2",
                ("rouge2", "rouge-2"),
                "F1 of the pairs of words shared with the reference",
            ),
            (
                "rouge_l",
                "ROUGE-L",
                ("rougel", "rouge-l", "rouge"),
                "F1 of the longest common subsequence of words with the reference",
            ),
        )
    ),
    MetricEntry(
        name="meteor",
        title="METEOR",
        aliases=("meteor_score",),
        tasks=_TASKS,
        formula="harmonic mean of word precision and recall (recall weighs 9 times), less a penalty for broken order",
        needs=_NEEDS,
        use_when="Single sentences, where inflected forms should count as the same word.",
        misleads="Its stems are English; synonyms, which other versions look up in word lists, do not count here.",
        lazy="Repeating the words of the question gets a value above 0.",
        watch=("bleu", "rouge_l"),
        disagreement="BLEU asks for exact words in order: it is lower where the answer is said differently.",
        business="How close the meaning is to what a person wrote, word by word.",
    ),
)
