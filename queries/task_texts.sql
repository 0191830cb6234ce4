-- purpose: Predicted texts or clusters, one by one, for the libraries that score them.
-- takes: the slices and other columns, compiled in.
-- reads: predictions.
-- gives: model, example, y_true, y_pred, the slices.
select
    model
    , example
    , y_true
    , y_pred
{% for slice in slices %}
    , {{ slice.column }}
{% endfor %}
from predictions
order by model, example
