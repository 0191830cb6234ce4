-- purpose: Two models' predictions of one example side by side.
-- takes: the slices, and the bucket that an example is drawn with, compiled in.
-- reads: predictions, prediction_comparisons (the model x baseline pairs that are compared).
-- gives: one row per pair and example that both have: model, baseline, bucket, y_true, base_true (the label beside the
--        baseline's prediction), candidate and base (the scores), and the slices.
select
    c.model
    , c.baseline
    , {{ bucket }} as bucket
    , m.y_true
    , b.y_true as base_true
    , m.y_score as candidate
    , b.y_score as base
{% for slice in slices %}
    , m.{{ slice }}
{% endfor %}
from prediction_comparisons as c
join predictions as m on m.model = c.model
join predictions as b on b.model = c.baseline and b.example = m.example
