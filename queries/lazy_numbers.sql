-- purpose: What predictors that learnt nothing say of every example.
-- takes: the slices, and whether there is a training series, compiled in.
-- reads: task_targets, lazy_constants (name, value), and with a training series training_scales and lazy_seasons.
-- gives: as task_numbers, with the lazy predictor as the model and one bucket.
select
    c.name as model
    , t.example
    , '' as bucket
    , t.y_true
    , c.value as y_pred
{% if scaled %}
    , s.scale
{% endif %}
{% for slice in slices %}
    , t.{{ slice.column }}
{% endfor %}
from task_targets as t
cross join lazy_constants as c
{% if scaled %}
left join training_scales as s on s.series = t.series
union all
select
    'naive'
    , t.example
    , ''
    , t.y_true
    , s.last_value
    , s.scale
{% for slice in slices %}
    , t.{{ slice.column }}
{% endfor %}
from task_targets as t
join training_scales as s on s.series = t.series
{% if seasonal %}
union all
select
    'seasonal naive'
    , t.example
    , ''
    , t.y_true
    , l.y
    , s.scale
{% for slice in slices %}
    , t.{{ slice.column }}
{% endfor %}
from task_targets as t
join training_scales as s on s.series = t.series
join lazy_seasons as l on l.example = t.example
{% endif %}
{% endif %}
