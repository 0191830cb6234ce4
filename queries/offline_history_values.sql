-- purpose: The scores of every evaluation there was, each under its number in place of the model's name.
-- takes: nothing.
-- reads: offline_scores, offline_evaluations (number, model and day).
-- gives: model (the number, as text), metric, example (the query), split (text) and value.
select
    e.number as model
    , s.metric
    , s.query as example
    , s.split
    , s.value
from offline_scores as s
join offline_evaluations as e on e.model = s.model and e.day = s.day
where s.query is not null
