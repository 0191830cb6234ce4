-- purpose: Clusters of examples, with the features they were made from.
-- takes: the study's column mapping, the features and the slices, compiled in.
-- reads: the source of [offline.predictions].
-- gives: one row per model and example that has a cluster: model, example, label, the features as numbers, and the slices as
--        text.
select
    {{ model }} as model
    , {{ example }} as example
    , {{ label }} as label
{% for column in columns %}
    , {{ column.value }} as {{ column.name }}
{% endfor %}
from {{ source }}
where {{ label }} is not null
order by 1, 2
