"""Metrics of rankings: search and recommendation, one value per query."""

from __future__ import annotations

import math

from abgap.offline.catalogue.entry import Cutoff, LazyForm, MetricEntry, Task

_JUDGED = (
    "[offline.rankings] model, query, item, score (or rank) and [offline.judgements] query, item, relevance; "
    "or ready-made values in [offline.scores]"
)
_SHOWN = (
    "[offline.rankings] model, query, item, score (or rank) and [offline.judgements] of the queries; "
    "or ready-made values in [offline.scores]"
)
_TASKS = (Task.RANKING,)


def random_precision(candidates: float, relevant: float) -> float:
    """Expected share of relevant items at any depth of a random order."""
    return relevant / candidates


def random_recall(candidates: float, k: float) -> float:
    """Expected share of the relevant items among the first k of a random order."""
    return min(k, candidates) / candidates


def random_hit(candidates: float, relevant: float, k: float) -> float:
    """Chance that the first k of a random order hold a relevant item."""
    n, r, depth = int(candidates), int(relevant), int(k)
    return 1.0 - math.comb(n - r, depth) / math.comb(n, depth) if depth <= n else float(r > 0)


def random_reciprocal_rank(candidates: float, relevant: float, k: float) -> float:
    """Expected reciprocal rank of the first relevant item among the first k of a random order."""
    n, r = int(candidates), int(relevant)
    last = min(int(k), n - r + 1)
    return math.fsum(math.comb(n - rank, r - 1) / math.comb(n, r) / rank for rank in range(1, last + 1))


def random_ndcg(candidates: float, relevant: float, k: float) -> float:
    """Expected NDCG@k of a random order when items are relevant or not."""
    n, r, depth = int(candidates), int(relevant), int(k)
    gains = math.fsum(1.0 / math.log2(rank + 1) for rank in range(1, min(depth, n) + 1))
    ideal = math.fsum(1.0 / math.log2(rank + 1) for rank in range(1, min(depth, r) + 1))
    return r / n * gains / ideal


ENTRIES = (
    MetricEntry(
        name="ndcg@k",
        title="Normalised discounted cumulative gain",
        aliases=("ndcg_cut", "normalized_discounted_cumulative_gain"),
        tasks=_TASKS,
        cutoff=Cutoff.OPTIONAL,
        formula="DCG@k / DCG@k of the best possible order; DCG@k = sum over ranks i <= k of gain_i / log2(i + 1)",
        needs=_JUDGED,
        use_when="Relevance has grades and the top matters most: search, recommendation, feeds.",
        misleads=(
            "The sign of a difference can depend on the gain (linear or exponential), on k and on how ties and queries "
            "without relevant items count. Unjudged items count as irrelevant, so a model that finds new good items "
            "loses. Relevance is not purchase: clicks can rise while revenue stays flat."
        ),
        lazy="A random order scores well where many candidates are relevant; popularity is often hard to beat.",
        lazy_form=LazyForm(
            text="R/N * sum_{i<=k} 1/log2(i+1) / sum_{i<=min(k,R)} 1/log2(i+1) for R relevant of N candidates in "
            "random order",
            value=random_ndcg,
        ),
        watch=("mrr@k", "recall@k", "coverage@k", "latency_p95_ms"),
        disagreement=(
            "MRR rises when the first good result moves up while NDCG falls when the others move down; coverage falls "
            "when the gain comes from showing popular items to everybody."
        ),
        business="People see what they want nearer to the top of the page.",
    ),
    MetricEntry(
        name="dcg@k",
        title="Discounted cumulative gain",
        aliases=("dcg_cut", "discounted_cumulative_gain"),
        tasks=_TASKS,
        cutoff=Cutoff.OPTIONAL,
        formula="sum over ranks i <= k of gain_i / log2(i + 1); gain_i = relevance (linear) or 2^relevance - 1 (exp)",
        high=None,
        best=None,
        needs=_JUDGED,
        use_when="Queries with much to find should weigh more than queries with little, unlike in NDCG.",
        misleads="It has no fixed best value: a few queries with many relevant items decide the mean.",
        lazy="A random order gets the mean gain of the candidates times the sum of the discounts.",
        watch=("ndcg@k",),
        disagreement="NDCG weighs all queries alike; where the two disagree, a few rich queries carry the win.",
        business="The amount of relevance shown, weighted by how likely people look at it.",
    ),
    MetricEntry(
        name="mrr@k",
        title="Mean reciprocal rank",
        aliases=("recip_rank", "reciprocal_rank", "rr", "mean_reciprocal_rank"),
        tasks=_TASKS,
        cutoff=Cutoff.OPTIONAL,
        formula="mean over queries of 1 / rank of the first relevant item (0 when none is among the first k)",
        needs=_JUDGED,
        use_when="One good answer is enough: navigation, question answering, autocomplete.",
        misleads=(
            "Everything after the first relevant item is invisible, and moving it from rank 2 to 1 counts as much as "
            "from never to 2."
        ),
        lazy="A random order over few candidates; the most popular item in first place.",
        lazy_form=LazyForm(
            text="sum_{i<=k} 1/i * C(N-i, R-1) / C(N, R) for R relevant of N candidates in random order",
            value=random_reciprocal_rank,
        ),
        watch=("ndcg@k", "recall@k"),
        disagreement="Recall falls when the first result is bought at the price of all others.",
        business="How quickly people find the first thing that helps.",
    ),
    MetricEntry(
        name="map",
        title="Mean average precision",
        aliases=("mean_average_precision",),
        tasks=_TASKS,
        formula="mean over queries of AP; AP = sum over relevant ranks i of precision@i / number of relevant items R",
        needs=_JUDGED,
        use_when="All relevant items matter and relevance is yes or no: legal search, literature, candidate lists.",
        misleads="Deep ranks that nobody sees still count; grades of relevance do not.",
        lazy="A random order scores about R / N, more where R is small against N.",
        watch=("ndcg@k", "precision@k"),
        disagreement="Precision@k shows whether the gain is on the page that people see.",
        business="How little people have to skip until they have found everything relevant.",
    ),
    MetricEntry(
        name="map@k",
        title="Mean average precision at k",
        aliases=("map_cut",),
        tasks=_TASKS,
        cutoff=Cutoff.REQUIRED,
        formula="mean over queries of sum over relevant ranks i <= k of precision@i / min(R, k)",
        needs=_JUDGED,
        use_when="As MAP, when only the first k results are shown.",
        misleads=(
            "Some tools divide by R instead of min(R, k): for relevance 1, 1, 0, 1 AP@2 is 1.0 or .667. Never compare "
            "values of two tools without asking."
        ),
        lazy="A random order scores about R / N.",
        watch=("ndcg@k", "recall@k"),
        disagreement="NDCG knows grades: a gain in MAP@k alone may be in barely relevant items.",
        business="How clean the first page is.",
    ),
    MetricEntry(
        name="precision@k",
        title="Precision at k",
        aliases=("p@k",),
        tasks=_TASKS,
        cutoff=Cutoff.REQUIRED,
        formula="relevant items among the first k / k",
        needs=_JUDGED,
        use_when="A page of k results is shown and its order within the page hardly matters.",
        misleads=(
            "Order within the k is invisible; a query with fewer than k relevant items can never reach 1, so the mean "
            "says as much about the queries as about the model."
        ),
        lazy="A random order gets the share of relevant candidates: high where candidates were pre-selected.",
        lazy_form=LazyForm(
            text="R / N for R relevant of N candidates in random order", value=random_precision
        ),
        watch=("recall@k", "ndcg@k"),
        disagreement="Recall@k is low where a clean page leaves out most of what there is.",
        business="The share of what is shown that is worth showing.",
    ),
    MetricEntry(
        name="rprec",
        title="R-precision",
        aliases=("r-precision", "r_precision"),
        tasks=_TASKS,
        formula="relevant items among the first R / R, R being the number of relevant items of the query",
        needs=_JUDGED,
        use_when="Queries differ much in how much there is to find: each is judged at its own depth.",
        misleads="R is not what people see: ten results for everybody are judged at depth 1 here and 200 there.",
        lazy="A random order gets the share of relevant candidates.",
        lazy_form=LazyForm(
            text="R / N for R relevant of N candidates in random order", value=random_precision
        ),
        watch=("precision@k", "recall@k"),
        disagreement="Precision@k says what of it is on the page.",
        business="How clean the results are, as deep as there is something to find.",
    ),
    MetricEntry(
        name="recall@k",
        title="Recall at k",
        tasks=_TASKS,
        cutoff=Cutoff.REQUIRED,
        formula="relevant items among the first k / all relevant items R",
        needs=_JUDGED,
        use_when="Candidates for a later stage are chosen: nothing that is missed here can be shown later.",
        misleads="Any large k reaches 1; judgements that are not complete make it look better than it is.",
        lazy="Showing everything gets 1; a random order gets k / N.",
        lazy_form=LazyForm(text="k / N for N candidates in random order", value=random_recall),
        watch=("precision@k", "ndcg@k"),
        disagreement="Precision@k falls when recall is bought by showing more.",
        business="How much of what people want can be found at all.",
    ),
    MetricEntry(
        name="hit@k",
        title="Hit rate at k (success)",
        aliases=("success", "hit_rate", "hitrate", "hits"),
        tasks=_TASKS,
        cutoff=Cutoff.REQUIRED,
        formula="share of queries with at least one relevant item among the first k",
        needs=_JUDGED,
        use_when="One item is held out per user, or any one good result is a success.",
        misleads="One hit is worth as much as ten, at rank k as much as at rank 1.",
        lazy="With many relevant items nearly every random page has a hit.",
        lazy_form=LazyForm(
            text="1 - C(N-R, k) / C(N, k) for R relevant of N candidates in random order", value=random_hit
        ),
        watch=("mrr@k", "ndcg@k"),
        disagreement="MRR says whether the hit is where people look.",
        business="The share of searches that end with something useful on the page.",
    ),
    MetricEntry(
        name="rbo@k",
        title="Rank-biased overlap of two models",
        aliases=("rank_biased_overlap",),
        tasks=_TASKS,
        cutoff=Cutoff.OPTIONAL,
        formula="sum over depths d <= k of (1 - p) p^(d-1) * overlap of the first d items / d; k has the rest; p = .9",
        needs=_SHOWN,
        use_when="To know how much a new model changes what people see, before asking whether that is better.",
        misleads="It is no quality: two bad models agree perfectly. A high value means that an experiment is diluted.",
        lazy="A copy of the production model gets 1.",
        watch=("ndcg@k",),
        disagreement="A gain in NDCG with an RBO near 1 lies in few queries: look at which.",
        business="How many people would notice a launch.",
    ),
    MetricEntry(
        name="coverage@k",
        title="Catalogue coverage",
        aliases=("catalogue_coverage", "catalog_coverage", "item_coverage"),
        tasks=_TASKS,
        cutoff=Cutoff.OPTIONAL,
        formula="different items shown among the first k over all queries / items of the catalogue",
        needs=_SHOWN + "; the catalogue in [offline.items], otherwise all items that any model shows",
        use_when="As a guardrail beside relevance: sellers, stock and long-tail users want to be served too.",
        misleads="Random results cover everything; it says nothing about whether anybody wants what is shown.",
        lazy="A random order reaches nearly 1; the popular list reaches k / catalogue.",
        watch=("ndcg@k", "novelty@k"),
        disagreement="It falls while NDCG rises when a model learns to show the popular items to everybody.",
        business="How much of the catalogue has a chance to be sold.",
    ),
    MetricEntry(
        name="novelty@k",
        title="Novelty",
        aliases=("mean_self_information",),
        tasks=_TASKS,
        cutoff=Cutoff.OPTIONAL,
        formula="mean over shown items of -log2 popularity (share of users or queries that have the item)",
        high=None,
        best=None,
        needs=_SHOWN + "; popularity in [offline.items], otherwise how often lists show an item",
        use_when="Discovery is part of the promise, beside a metric of relevance.",
        misleads="Obscure is not useful: the most novel list is the least wanted one.",
        lazy="Showing the least popular items gets the highest value.",
        watch=("ndcg@k", "hit@k"),
        disagreement="Relevance falls where novelty is bought with items that nobody wants.",
        business="How much people are shown that they would not have found by themselves.",
    ),
    MetricEntry(
        name="diversity@k",
        title="Intra-list diversity",
        aliases=("intra_list_diversity", "ild", "intra_list_distance"),
        tasks=_TASKS,
        cutoff=Cutoff.OPTIONAL,
        formula="mean over pairs of the first k items of 1 when their categories differ, 0 when not",
        needs=_SHOWN + "; category in [offline.items]",
        use_when="Intent is unclear and the page should cover several meanings; as a guardrail of engagement metrics.",
        misleads="Random items are diverse; for a query that means one thing, diversity is a fault.",
        lazy="A random order gets the chance that two items of the catalogue differ in category.",
        watch=("ndcg@k", "coverage@k"),
        disagreement="It falls while click metrics rise when a model repeats what was clicked last.",
        business="Whether the page offers a choice or ten times the same.",
    ),
    MetricEntry(
        name="expected_revenue@k",
        title="Expected revenue at k",
        aliases=("revenue@k", "expected_revenue"),
        tasks=_TASKS,
        cutoff=Cutoff.REQUIRED,
        formula="sum over ranks i <= k of relevance_i * price_i / log2(i + 1), relevance being purchase",
        high=None,
        best=None,
        needs=_JUDGED + " and [offline.items] price",
        use_when="Results earn money and purchases are known: closer to revenue than relevance is.",
        misleads="A few dear items decide it; it rewards raising prices on the page, which people answer later.",
        lazy="Sorting by price gets a high value as long as somebody buys.",
        watch=("ndcg@k", "hit@k"),
        disagreement="NDCG falls when dear items crowd out what people look for.",
        business="Money that the page can bring in, before people react to it.",
    ),
)
