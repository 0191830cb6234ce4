-- purpose: The canonical view of metrics that are means over examples: every value, whichever source it was computed from.
-- takes: the columns of the metrics and their tables, compiled in.
-- reads: the values of the runs.
-- gives: model, metric, example (text) and value, of examples that are not left out.
{% for metric in metrics %}
{% if not loop.first %}
union all
{% endif %}
select
    model
    , {{ metric.metric }} as metric
    , query as example
    , {{ metric.value }} as value
from {{ metric.table }}
where {{ metric.value }} is not null
{% endfor %}
