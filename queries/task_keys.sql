-- purpose: Predictions with a key of their example that tells series apart.
-- takes: the key and the slices, compiled in.
-- reads: predictions.
-- gives: one row per prediction: model, example, series (empty without), y_true, y_pred, and the slices.
select
    model
    , {{ example }} as example
    , coalesce(series, '') as series
    , y_true
    , y_pred
{% for slice in slices %}
    , {{ slice.column }}
{% endfor %}
from predictions
