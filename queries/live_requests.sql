-- purpose: The lists of a live log, one row each.
-- takes: the slices, compiled in.
-- reads: live_rankings.
-- gives: one row per model and request whose items can be used: unit, model, request, at (when it was first logged), items,
--        and the slices.
select
    min(unit) as unit
    , model
    , request
    , min("at") as "at"
    , count(*) as items
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
