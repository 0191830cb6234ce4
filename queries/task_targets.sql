-- purpose: What was to be predicted, each example once, whichever models predicted it.
-- takes: the key of an example and the slices, compiled in.
-- reads: predictions.
-- gives: one row per example: example (with its series, where there are some), series (empty without), at, y_true,
--        other_truth (another one that some model has for it, else the same), and the slices.
select
    {{ example }} as example
    , coalesce(series, '') as series
    , min(p.at) as at
    , min(y_true) as y_true
    , max(y_true) as other_truth
{% for slice in slices %}
    , min({{ slice.column }}) as {{ slice.column }}
{% endfor %}
from predictions as p
group by {{ example }}, coalesce(series, '')
