-- purpose: The canonical view of what models said in production: predictions, or lists item by item.
-- takes: the study's column mapping of [live.predictions] or [live.rankings], compiled into the select list.
-- reads: the source of [live.predictions] or [live.rankings].
-- gives: one row per prediction, or per item of a list: unit, model, request, item (text; null of a prediction), at
--        (timestamp, UTC), score (the larger the earlier; a rank turned round where ranks were logged), offline_score, and
--        the slices as text, numbered in the order of the study.
select
    {{ unit }} as unit
    , {{ model }} as model
    , {{ request }} as request
    , {{ item }} as item
    , {{ at }} as "at"
    , {{ score }} as score
    , {{ offline_score }} as offline_score
{% for slice in slices %}
    , {{ slice.value }} as {{ slice.name }}
{% endfor %}
from {{ source }}
