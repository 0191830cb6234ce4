"""What each key of the study file is for, in one sentence: the words an editor shows beside it.

They stand here and not in the models, so that a model stays readable as the list of keys it is. A test fails
when a key has no sentence; the long form, with examples, is docs/study.md.
"""

from __future__ import annotations

from collections.abc import Mapping

from abgap.study import model as m

_SOURCE = {
    "path": "File, glob, directory or URL, or a list of them; relative to the study file.",
    "query": "One SELECT over files, when a column mapping is not enough.",
    "query_file": "A file that holds that SELECT.",
    "format": "How the files are read; by default their names tell.",
    "columns": 'Which column plays which role: a name, { value = constant } or { expr = "scalar SQL" }.',
}
_PART = {
    "fact": "The fact table whose rows are taken.",
    "where": "SQL condition that chooses rows.",
    "value": "Column or scalar SQL expression that is aggregated.",
    "aggregate": "How the rows of a unit become one number: by default sum of a value, count without one.",
}
_CONTRACT = {
    "why": "Why this metric was chosen.",
    "owner": "Who answers for it.",
    "review_by": "The date by which it should be looked at again.",
}

KEYS: Mapping[type[m.StudyModel], Mapping[str, str]] = {
    m.Study: {
        "study": "The name, and what holds for everything in the study.",
        "engine": "What runs the queries, and how much of the machine it may take.",
        "exposures": "Logs of who saw which variant of which experiment, and when.",
        "facts": "Fact tables: what units did, one row per event or outcome.",
        "units": "One row per unit: what was known before the experiment.",
        "unit_values": "One row per unit with its outcomes as columns, instead of exposures and facts.",
        "moments": "Aggregates made elsewhere, instead of logs.",
        "experiments": "The experiments by name, or a file with one row per experiment.",
        "metrics": "The business metrics by name.",
        "funnels": "Metrics that multiply to a total, to find where a gain gets lost.",
        "offline": "Where offline evaluation results come from.",
        "live": "What models said in production.",
        "offline_metrics": "The offline metrics by name, with their definition.",
        "models": "The models by name, with facts that scores do not tell.",
        "gap": "Which offline metrics are held against which business metrics.",
        "portfolio": "What all experiments together are asked: quick metrics, noise, pace and ready-made effects.",
        "preflight": "What a candidate may cost before it is launched: the limits of abgap preflight.",
        "bayesian": "A Bayesian summary of every lift; the table being there turns it on.",
        "bootstrap": "How metrics that ask for it are resampled.",
    },
    m.StudyHead: {
        "name": "What the report is called.",
        "currency": "Currency of money metrics, shown beside amounts.",
        "timezone": "Time zone of timestamps and dates without one.",
        "alpha": "Error rate of tests; intervals have the level 1 - alpha.",
        "looks": "fixed: read once, at the planned end. sequential: always-valid intervals.",
        "sequential_units": "Units of both arms at which always-valid intervals are narrowest.",
        "lift_interval": "How intervals of lifts are made; delta and log reproduce other tools.",
        "covariate_slopes": "Slopes of covariates: pooled over the arms, or by_arm (interacted regression).",
        "novelty": "Whether effects are held against the days since exposure, which reads the events once more.",
        "seed": "Seed of everything random, so that the same inputs give the same report.",
    },
    m.Bootstrap: {"replicates": "How many times units are drawn."},
    m.Engine: {
        "name": "The engine that runs the queries.",
        "master": "Where Spark runs: local[4], spark://host:7077, yarn, or sc://host:15002; by default this machine.",
        "settings": "Further settings of Spark, by their own names.",
        "threads": "Most threads it may use; by default all cores.",
        "memory_limit": "Most memory it may use, such as 4GB.",
        "temp_directory": "Where it may write what does not fit into memory.",
    },
    m.Source: _SOURCE,
    m.Exposures: _SOURCE | {"slices": "Columns known at exposure, by which results are broken down."},
    m.UnitValues: _SOURCE
    | {
        "slices": "Columns known at exposure, by which results are broken down.",
        "unique": "check: units that repeat are an error. trust: skip that test.",
    },
    m.ExperimentsFile: _SOURCE,
    m.ConstantColumn: {"value": "The value of the column in every row."},
    m.ExpressionColumn: {"expr": "One scalar SQL expression over the columns of the source."},
    m.Experiment: {
        "control": "The variant that is compared against; declared, never guessed.",
        "treatments": "The variants compared with it; by default every other one seen.",
        "split": "Planned share per variant, or equal; used by the sample-ratio check.",
        "start": "First moment that counts.",
        "end": "First moment that counts no more.",
        "models": "The model that each variant served.",
        "tags": "Words to group experiments by.",
        "hypothesis": "What was expected, in words.",
    },
    m.Metric: _PART
    | _CONTRACT
    | {
        "kind": "How a unit gets a value, and arms an estimate.",
        "numerator": "What a ratio divides.",
        "denominator": "What a ratio divides by.",
        "window_days": "Days after first exposure that count; by default until the experiment's end.",
        "quantile": "Which quantile, as a fraction.",
        "from_day": "First day after exposure on which a return counts.",
        "to_day": "First day after exposure on which a return counts no more.",
        "role": "What the metric is for in the decision.",
        "direction": "Which way is better.",
        "money": "Whether values are money, in the study's currency.",
        "cap_percentile": "Values above this percentile of all arms together are cut to it.",
        "covariate": "The same before exposure, or a column, for variance reduction.",
        "stratify_by": "A slice whose shares are made equal in both arms (post-stratification).",
        "bootstrap": "Whether p and intervals come from resampling units instead of from variances.",
        "smallest_worthwhile_lift": "Smallest relative lift worth having: 0.01 is 1 %.",
        "non_inferiority_margin": "Relative loss a guardrail tolerates: 0.05 is 5 %.",
        "description": "The metric in the words of the business.",
        "business": "What it means for the business when the metric gets better, as a clause.",
        "business_if_worse": "The same when the metric gets worse; by default the opposite of business.",
    },
    m.Part: _PART,
    m.Covariate: {
        "lookback_days": "Days before first exposure over which the metric itself is taken.",
        "column": "A number per unit known before exposure.",
    },
    m.Funnel: {
        "total": "The metric that the stages multiply to.",
        "stages": "Metrics from first to last: a mean per unit, then ratios that continue one another.",
    },
    m.Offline: {
        "production": "The model that is live today: every other one is held against it.",
        "examples": "same: models have to be evaluated on the same examples. shared: what both have is compared.",
        "scores": "Ready-made values: one row per model and metric, or per model, metric and query.",
        "rankings": "Ranked items per model and query.",
        "judgements": "Relevance of items to queries.",
        "queries": "What is known of each query, such as slices.",
        "items": "What is known of each item, such as its price.",
        "predictions": "Predictions per model and example, with the truth.",
        "logged": "Decisions of the live policy with their propensities, to judge other policies by.",
        "policies": "The policies to judge: with which probability each would choose which action.",
        "shadow": "A shadow run: what production and candidates took for the same requests.",
        "tracker": "An experiment tracker's store, as another source of scores and facts of models.",
        "training": "The series that forecasting models learnt from.",
        "annotations": "The true boxes of images, for detection.",
        "trained_on": "The examples that models learnt from, to find test examples among them.",
    },
    m.Tracker: {
        "path": "The store: mlflow.db, the folder mlruns, an export of runs, or a list of these.",
        "format": "mlflow: database or folder. wandb: export or folders of runs. json: plain files.",
        "model": "Where a run names its model: run_name, tag:NAME or param:NAME.",
        "experiment": "Only the runs of this experiment, or of these.",
        "metrics": "Names in the study and in the tracker; by default all metrics under their own names.",
        "facts": "Where facts of [models] stand: metric:NAME, param:NAME or tag:NAME.",
    },
    m.Logged: _SOURCE
    | {
        "clip": "Weights above this are cut to it in the clipped estimate.",
        "uniform": "Whether the policy that chooses every logged action equally often is judged too.",
    },
    m.Training: _SOURCE | {"season": "Rows of a season: 7 for days with a weekly pattern."},
    m.Annotations: _SOURCE
    | {"slices": "Columns, the same in all rows of an image, by which results are broken down."},
    m.Scores: _SOURCE
    | {"slices": "Columns, the same in all rows of a query, by which results are broken down."},
    m.Queries: _SOURCE | {"slices": "Columns by which results are broken down."},
    m.Rankings: _SOURCE
    | {"unique": "check: an item that stands twice in a ranking is an error. trust: skip that test."},
    m.Predictions: _SOURCE
    | {
        "slices": "Columns, the same for all models of an example, by which results are broken down.",
        "task": "What is predicted, and so which metrics there are.",
        "features": "Columns of numbers: what examples were clustered by, or what a model predicts from.",
        "positive": "The label that counts as positive, when labels are not 0 and 1.",
        "threshold": "Scores of at least this are taken as positive.",
        "error_costs": "What wrong decisions cost, for the threshold that costs least.",
        "unique": "check: two predictions of a model for one example are an error. trust: skip that test.",
    },
    m.ErrorCosts: {
        "false_positive": "The cost of calling a negative positive.",
        "false_negative": "The cost of missing a positive.",
    },
    m.OfflineMetric: _CONTRACT
    | {
        "metric": "What is computed, when the name is another: ndcg@10.",
        "label": "The kind of judgements it is computed from.",
        "smallest_worthwhile_gain": "Smallest gain worth having, in the metric's own units.",
        "gain": "How relevance becomes gain.",
        "ties": "How items of equal score are ordered.",
        "empty": "What a query without relevant items counts as.",
        "denominator": "What MAP@k divides by: the relevant items that fit into k, or all of them as trec_eval does.",
        "direction": "Which way is better.",
    },
    m.Model: {
        "version": "Version of the model.",
        "family": "Models of one line, whose scores make a history.",
        "baseline": "The model that its offline gain was claimed against; by default production's.",
        "trained_until": "Date of the youngest training data.",
        "latency_p50_ms": "Median latency in milliseconds.",
        "latency_p95_ms": "95th percentile of latency in milliseconds.",
        "cost_per_1000_requests": "Cost of a thousand requests, in the study's currency.",
    },
    m.PreflightSettings: {
        "latency_p95_ms": "Most milliseconds that the 95th percentile of latency may be.",
        "latency_increase": "Most that p50 and p95 of latency may grow over production: 0.2 is 20 %.",
        "error_increase": "Most that the share of failed requests may grow: 0.001 is one in a thousand.",
        "cost_increase": "Most that a thousand requests may cost more than with production: 0.5 is 50 %.",
        "slice_loss": "Most that a metric may lose in a slice, as a share of production's value.",
    },
    m.BayesianSettings: {
        "prior_lift": "Mean of the prior of a lift; positive is better.",
        "prior_sd": "Standard deviation of the prior; without it the prior is flat.",
    },
    m.GapSettings: {
        "offline": "Offline metrics; the first one makes the headline.",
        "business": "Business metrics; the first one makes the headline.",
        "exchange_rate": "Relative lift of a business metric expected from one unit of offline gain.",
        "latency": "The metric of a request's latency in milliseconds: a ratio, a quantile, or a mean of means.",
        "latency_elasticity_per_100ms": "Relative lift that 100 ms more latency is believed to bring; below 0.",
        "triggered": "A slice of exposures: true for units for whom the two models differ at all.",
        "perturbed": "Which slice of the test set tells clean inputs from perturbed ones.",
    },
    m.PortfolioSettings: {
        "proxies": "Metrics that answer sooner, held against the business metrics like offline ones.",
        "noise_correlation": "Of the errors of two metrics of the same units, where it cannot be computed.",
        "offline_noise_correlation": "Of the errors of offline gains with those of lifts, where it cannot be computed.",
        "experiments_per_year": "The pace at which the team decides; by default from the experiments' dates.",
        "effects": "Effects computed elsewhere, one row per experiment, treatment and metric.",
    },
    m.PortfolioEffects: _SOURCE,
    m.Perturbed: {
        "slice": "The slice, of the test examples (and of live requests, where they have it).",
        "clean": "Its value for clean inputs; all others are perturbed.",
        "live_share": "Share of live requests that are perturbed, where live sources do not tell.",
    },
    m.Live: {
        "predictions": "What models predicted in production.",
        "rankings": "The lists that were shown in production.",
    },
    m.LivePredictions: {
        **_SOURCE,
        "slices": "Columns by which live quality is broken down.",
        "outcome": "Which events tell that the predicted thing happened.",
    },
    m.LiveRankings: {
        **_SOURCE,
        "slices": "Columns by which live quality is broken down.",
        "outcome": "Which events tell that a shown item was relevant.",
    },
    m.Outcome: {
        "fact": "The fact table with these events, of the same unit.",
        "where": "SQL condition that chooses them.",
        "within_days": "How long after the request they count.",
        "key": "Column of the fact table that holds the request, when events carry it.",
        "item": "Column of the fact table that holds the item; for rankings.",
        "label": "Of the judgements, the label that these events stand for; for rankings.",
    },
}
