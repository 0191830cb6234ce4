-- purpose: The scores that models are compared by: those of each query, of the last evaluation that there was.
-- takes: whether scores have the day of their evaluation, compiled in.
-- reads: offline_scores.
-- gives: model, metric, example (the query), split (text) and value.
select
    s.model
    , s.metric
    , s.query as example
    , s.split
    , s.value
from offline_scores as s
{% if dated %}
join (
    select model, metric, max(day) as day
    from offline_scores
    group by model, metric
) as newest on newest.model = s.model and newest.metric = s.metric and newest.day = s.day
{% endif %}
where s.query is not null
