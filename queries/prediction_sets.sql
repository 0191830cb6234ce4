-- purpose: How many examples two models were both evaluated on, whether they gave a prediction or not.
-- takes: the column of the truth, compiled in.
-- reads: all_predictions, prediction_set_pairs (the model x baseline pairs that are compared).
-- gives: one row per pair that shares an example: model, baseline, shared (examples that have a row with a truth for both).
select
    p.model
    , p.baseline
    , count(*) as shared
from prediction_set_pairs as p
join all_predictions as m on m.model = p.model
join all_predictions as b
    on b.model = p.baseline
    and b.example = m.example
    and coalesce(b.series, '') = coalesce(m.series, '')
where
    m.{{ truth }} is not null
    and b.{{ truth }} is not null
group by p.model, p.baseline
