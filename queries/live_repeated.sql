-- purpose: The first request that a model has answered twice in a live log.
-- takes: the view of the log, and whether requests are lists, compiled in.
-- reads: the view of the log.
-- gives: at most one row: model, request, item (null of predictions) and times.
select
    model
    , request
{% if lists %}
    , item
{% else %}
    , cast(null as varchar) as item
{% endif %}
    , count(*) as times
from {{ log }}
where model is not null and request is not null{% if lists %} and item is not null{% endif %}

group by model, request{% if lists %}, item{% endif %}

having count(*) > 1
order by model, request{% if lists %}, item{% endif %}

limit 1
