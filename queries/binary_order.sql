-- purpose: The order of scores held against the labels: what ROC-AUC, average precision and the threshold curve are of.
-- takes: what is kept apart (models, values of a slice), whether positives are rare (negatives in bins without a positive
--        are then counted, not sorted), whether stretches of the curve are wanted, and the parts of the exact sum of
--        precisions, compiled in.
-- reads: binary_scores; prediction_totals (model, n, positives) for the curve.
-- gives: one row per model x value of the slice (part) x stretch of the curve: its examples n and positives; over its
--        negatives the positives that score no lower (positives_above), over its positives the negatives that score no lower
--        (negatives_above); the parts of the sum of precisions at its positives; its lowest score (threshold), and the
--        examples (called) and positives (found) that score at least that.
with {% if binned %}mixed as (
    select distinct
        bin
{% for key in keys %}
        , {{ key }}
{% endfor %}
    from binary_scores
    where y_true = 1
)

, weighted as (
    select
        s.bin
{% for key in keys %}
        , s.{{ key }}
{% endfor %}
        , s.y_score as score
        , s.y_score as lowest
        , 1e0 as n
        , s.y_true as positives
    from binary_scores as s
    join mixed as m on m.bin = s.bin
{% for key in keys %}
        and m.{{ key }} is not distinct from s.{{ key }}
{% endfor %}
    union all
    select
        s.bin
{% for key in keys %}
        , s.{{ key }}
{% endfor %}
        , 0e0 as score
        , min(s.y_score) as lowest
        , cast(count(*) as double) as n
        , 0e0 as positives
    from binary_scores as s
    left join mixed as m on m.bin = s.bin
{% for key in keys %}
        and m.{{ key }} is not distinct from s.{{ key }}
{% endfor %}
    where m.bin is null
    group by
        s.bin
{% for key in keys %}
        , s.{{ key }}
{% endfor %}
)

{% else %}
weighted as (
    select
        y_score as score
{% for key in keys %}
        , {{ key }}
{% endfor %}
        , y_score as lowest
        , 1e0 as n
        , y_true as positives
    from binary_scores
)

{% endif %}
, ranked as (
    select
        lowest
{% for key in keys %}
        , {{ key }}
{% endfor %}
        , n
        , positives
        , sum(n) over ({{ partition }} order by {{ order }}) as called
        , sum(positives) over ({{ partition }} order by {{ order }}) as found
    from weighted
)

, placed as (
    select
        {{ model }} as model
{% if slice %}
        , r.part
{% endif %}
        , r.lowest
        , r.n
        , r.positives
        , r.called
        , r.found
        , case when r.positives = 1 then r.found / r.called else 0e0 end as precision_there
{% if curve %}
        , floor(1e2 * r.called / t.n) as of_examples
        , floor(1e2 * r.found / t.positives) as of_positives
{% endif %}
    from ranked as r
{% if curve %}
    join prediction_totals as t on t.model = {{ model }}
{% endif %}
)

select
    model
{% if slice %}
    , part
{% endif %}
    , sum(n) as n
    , sum(positives) as positives
    , sum((n - positives) * found) as positives_above
    , sum(positives * (called - found)) as negatives_above
{% for sum in sums %}
    , {{ sum.value }} as {{ sum.name }}
{% endfor %}
    , min(lowest) as threshold
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
