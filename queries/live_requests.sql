-- purpose: The lists of a live log, one row each, numbered.
-- takes: the slices, compiled in.
-- reads: live_rankings.
-- gives: one row per model and request whose items can be used: run (a number, as text), unit, model, request, at (when it
--        was first logged), items, recomputed (items with an offline score), and the slices.
select
    cast(row_number() over (order by model, request) as varchar) as run
    , unit
    , model
    , request
    , "at"
    , items
    , recomputed
{% for slice in slices %}
    , {{ slice }}
{% endfor %}
from (
    select
        min(unit) as unit
        , model
        , request
        , min("at") as "at"
        , count(*) as items
        , count(offline_score) as recomputed
{% for slice in slices %}
        , min({{ slice }}) as {{ slice }}
{% endfor %}
    from live_rankings
    where
        unit is not null
        and unit <> ''
        and model is not null
        and request is not null
        and item is not null
        and "at" is not null
        and score is not null
    group by model, request
) as lists
