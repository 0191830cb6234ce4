-- purpose: Every candidate against its baseline, query by query.
-- takes: the grids of the exact sums, compiled in.
-- reads: offline_scores, comparisons (the model x baseline pairs that experiments ran).
-- gives: one row per model x baseline x metric: shared (queries both have a value for), and the parts of the exact sums over
--        them of the model's value, the baseline's value, the difference and its square.
with per_query as (
    select
        c.model
        , c.baseline
        , m.metric
        , m.value as candidate
        , b.value as base
        , m.value - b.value as difference
    from comparisons as c
    join offline_scores as m on m.model = c.model
    join offline_scores as b on b.model = c.baseline and b.metric = m.metric and b.query = m.query
    where m.value is not null and b.value is not null
)

select
    model
    , baseline
    , metric
    , count(*) as shared
{% for sum in sums %}
    , {{ sum.value }} as {{ sum.name }}
{% endfor %}
from per_query
group by model, baseline, metric
order by model, baseline, metric
