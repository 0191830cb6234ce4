-- purpose: What every numeric prediction adds to the sums that scores are made of.
-- takes: the slices, and a point near the mean of the truth, compiled in.
-- reads: task_numbers, or lazy_numbers in its place, compiled in.
-- gives: one row per model x example: model, example, bucket, the slices, and the terms: error (prediction minus truth),
--        absolute, square, truth and truth_square (around the point), size (of the truth), relative, zero (1 where the
--        truth is 0), symmetric, scaled and unscaled (1 where there is no scale).
select
    model
    , example
    , bucket
{% for slice in slices %}
    , {{ slice.column }}
{% endfor %}
    , y_pred - y_true as error
    , abs(y_pred - y_true) as absolute
    , (y_pred - y_true) * (y_pred - y_true) as square
    , y_true - {{ centre }} as truth
    , (y_true - {{ centre }}) * (y_true - {{ centre }}) as truth_square
    , abs(y_true) as size
    , case when y_true <> 0 then abs(y_pred - y_true) / abs(y_true) else 0e0 end as relative
    , case when y_true = 0 then 1e0 else 0e0 end as zero
    , case
        when abs(y_true) + abs(y_pred) > 0 then 200e0 * abs(y_pred - y_true) / (abs(y_true) + abs(y_pred))
        else 0e0
    end as symmetric
{% if scaled %}
    , case when scale > 0 then abs(y_pred - y_true) / scale else 0e0 end as scaled
    , case when scale > 0 then 0e0 else 1e0 end as unscaled
{% else %}
    , 0e0 as scaled
    , 1e0 as unscaled
{% endif %}
from {{ table }}
