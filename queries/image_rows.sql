-- purpose: What is said of images, one row each: boxes, or masks, or counted pixels; of models, or the truth.
-- takes: the study's column mapping and the slices, compiled in.
-- reads: the source of [offline.predictions] or [offline.annotations].
-- gives: model (null for the truth), example, class (empty when not mapped), the other columns that the task has, and the
--        slices as text.
select
    {{ model }} as model
    , {{ example }} as example
    , coalesce({{ kind }}, '') as class
{% for column in columns %}
    , {{ column.value }} as {{ column.name }}
{% endfor %}
from {{ source }}
order by 1, 2, 3{% for column in columns %}, {{ column.name }}{% endfor %}
