-- purpose: The order of scores held against the labels: what ROC-AUC, average precision and the threshold curve are of.
-- takes: the slice that is looked at (or none), whether stretches of the curve are wanted, and the parts of the exact sum
--        of precisions, compiled in.
-- reads: predictions; prediction_totals (model, n, positives) for the curve.
-- gives: one row per model x value of the slice (part) x stretch of the curve: its examples n and positives; over its
--        negatives the positives that score no lower (positives_above), over its positives the negatives that score no lower
--        (negatives_above); the parts of the sum of precisions at its positives; its lowest score (threshold), and the
--        examples (called) and positives (found) that score at least that.
with ranked as (
    select
        model
{% if slice %}
        , {{ slice }} as part
{% endif %}
        , y_true
        , y_score
        , count(*) over (partition by {{ keys }} order by y_score desc) as called
        , count(case when y_true = 1 then 1 end) over (partition by {{ keys }} order by y_score desc) as found
    from predictions
{% if slice %}
    where {{ slice }} is not null
{% endif %}
)

, placed as (
    select
        r.model
{% if slice %}
        , r.part
{% endif %}
        , r.y_true
        , r.y_score
        , r.called
        , r.found
        , case when r.y_true = 1 then cast(r.found as double) / r.called else 0e0 end as precision_there
{% if curve %}
        , floor(1e2 * r.called / t.n) as of_examples
        , floor(1e2 * r.found / t.positives) as of_positives
{% endif %}
    from ranked as r
{% if curve %}
    join prediction_totals as t on t.model = r.model
{% endif %}
)

select
    model
{% if slice %}
    , part
{% endif %}
    , count(*) as n
    , count(case when y_true = 1 then 1 end) as positives
    , sum(case when y_true = 0 then found else 0 end) as positives_above
    , sum(case when y_true = 1 then called - found else 0 end) as negatives_above
{% for sum in sums %}
    , {{ sum.value }} as {{ sum.name }}
{% endfor %}
    , min(y_score) as threshold
    , max(called) as called
    , max(found) as found
from placed
group by
    model
{% if slice %}
    , part
{% endif %}
{% if curve %}
    , of_examples
    , of_positives
{% endif %}
order by
    model
{% if slice %}
    , part
{% endif %}
    , called
