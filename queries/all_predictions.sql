-- purpose: The canonical view of predictions: one row per model and example, with the truth.
-- takes: the study's column mapping of [offline.predictions], compiled into the select list.
-- reads: the source of [offline.predictions].
-- gives: model, example, y_true, y_score and y_pred (numbers or labels, as the task has it; null when not mapped), split,
--        series, at (UTC), and the slices as text, numbered in the order of the study.
select
    {{ model }} as model
    , {{ example }} as example
    , {{ y_true }} as y_true
    , {{ y_score }} as y_score
    , {{ y_pred }} as y_pred
    , {{ split }} as split
    , {{ series }} as series
    , {{ at }} as at
{% for slice in slices %}
    , {{ slice.value }} as {{ slice.name }}
{% endfor %}
from {{ source }}
