-- purpose: Examples that a model has more than one prediction for.
-- takes: nothing.
-- reads: all_predictions.
-- gives: one row per model that has such: repeated (examples; of several series each has its own) and example (one of them).
with counted as (
    select
        model
        , example
        , count(*) as row_count
    from all_predictions
    group by model, example, series
)

select
    model
    , count(*) as repeated
    , min(example) as example
from counted
where row_count > 1
group by model
order by model
