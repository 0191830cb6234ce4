-- purpose: The aggregated offline scores: one value per model, metric and day, given by the evaluation itself.
-- takes: nothing.
-- reads: offline_scores.
-- gives: model, metric, day, split, value, n, se of every row that has no query.
select
    model
    , metric
    , day
    , split
    , value
    , n
    , se
from offline_scores
where query is null and value is not null
order by model, metric, day, value, n, se
