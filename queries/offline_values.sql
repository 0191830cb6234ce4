-- purpose: The canonical view of metrics that are means over queries: every value of every model.
-- takes: the columns of the metrics and their tables, compiled in.
-- reads: the values of the runs; ranking_models where there is no such metric.
-- gives: model, metric, example (the query), split (null where none is known) and value (null where a query is left out).
{% for metric in metrics %}
{% if not loop.first %}
union all
{% endif %}
select
    model
    , {{ metric.metric }} as metric
    , query as example
    , split
    , {{ metric.value }} as value
from {{ metric.table }}
{% else %}
select
    model
    , '' as metric
    , '' as example
    , split
    , 0e0 as value
from ranking_models
where false
{% endfor %}
