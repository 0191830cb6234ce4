-- purpose: How often each model gave each label to examples of each class: its confusion matrix, whole and by slice.
-- takes: the slices, compiled in.
-- reads: the table of predictions, compiled in (model, example, y_true, y_pred, slices).
-- gives: one row per model x class x label that occurs, and the same per value of each slice: slice_name, slice_value (null
--        for all examples, and where it is not known), actual, predicted, n.
select
    model
    , cast(null as varchar) as slice_name
    , cast(null as varchar) as slice_value
    , y_true as actual
    , y_pred as predicted
    , count(*) as n
from {{ table }}
group by model, y_true, y_pred
{% for slice in slices %}
union all
select
    model
    , {{ slice.label }}
    , {{ slice.column }}
    , y_true
    , y_pred
    , count(*)
from {{ table }}
group by model, {{ slice.column }}, y_true, y_pred
{% endfor %}
order by 1, 2, 3, 4, 5
