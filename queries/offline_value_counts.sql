-- purpose: What values per query or example there are, per model, metric and split.
-- takes: the table of values, compiled in.
-- reads: the values of offline scores, or of rankings.
-- gives: one row per model x metric x split (text, null without): examples (rows) and known (those with a value).
select
    model
    , metric
    , split
    , count(*) as examples
    , count(value) as known
    , min(value) as smallest
    , max(value) as largest
from {{ values }}
group by model, metric, split
order by model, metric, split
