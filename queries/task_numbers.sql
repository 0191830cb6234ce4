-- purpose: Numeric predictions with all that scores need: their bucket, and for forecasts the scale of their series.
-- takes: the bucket of an example and the slices, compiled in.
-- reads: task_keys, and for forecasts with a training series training_scales.
-- gives: one row per prediction: model, example, bucket, y_true, y_pred, scale (null without), and the slices.
select
    k.model
    , k.example
    , {{ bucket }} as bucket
    , k.y_true
    , k.y_pred
{% if scaled %}
    , s.scale
{% endif %}
{% for slice in slices %}
    , k.{{ slice.column }}
{% endfor %}
from task_keys as k
{% if scaled %}
left join training_scales as s on s.series = k.series
{% endif %}
