-- purpose: The labels of every candidate and of its baseline over the examples that both have, counted by bucket.
-- takes: the slices and the bucket of an example, compiled in; a slice is that of the candidate's row.
-- reads: the table of predictions, compiled in (model, example, y_true, y_pred, slices); task_pairs (model, baseline).
-- gives: one row per model x baseline x bucket x class x label of the one x label of the other, and the same per value of
--        each slice: slice_name, slice_value (null for all examples, and where it is not known), bucket, actual, predicted,
--        base_predicted, n.
with paired as (
    select
        p.model
        , p.baseline
        , {{ bucket }} as bucket
{% for slice in slices %}
        , m.{{ slice.column }}
{% endfor %}
        , m.y_true as actual
        , m.y_pred as predicted
        , b.y_pred as base_predicted
    from task_pairs as p
    join {{ table }} as m on m.model = p.model
    join {{ table }} as b on b.model = p.baseline and b.example = m.example
)

select
    model
    , baseline
    , cast(null as varchar) as slice_name
    , cast(null as varchar) as slice_value
    , bucket
    , actual
    , predicted
    , base_predicted
    , count(*) as n
from paired
group by model, baseline, bucket, actual, predicted, base_predicted
{% for slice in slices %}
union all
select
    model
    , baseline
    , {{ slice.label }}
    , {{ slice.column }}
    , bucket
    , actual
    , predicted
    , base_predicted
    , count(*)
from paired
group by model, baseline, {{ slice.column }}, bucket, actual, predicted, base_predicted
{% endfor %}
order by 1, 2, 3, 4, 5, 6, 7, 8
