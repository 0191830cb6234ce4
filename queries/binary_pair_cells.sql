-- purpose: Decisions and losses of two models over the examples that both have.
-- takes: what is added up by (the slices, or the buckets of resampling), both decisions, and the terms of the exact sums,
--        compiled in.
-- reads: prediction_pairs.
-- gives: one row per pair x key x label (y_true; base_true beside it) x decision of the model (decided) x decision of the
--        baseline (base_decided): n (examples), and the parts of the exact sums.
select
    model
    , baseline
{% for key in keys %}
    , {{ key }}
{% endfor %}
    , y_true
    , base_true
    , decided
    , base_decided
    , count(*) as n
{% for sum in sums %}
    , {{ sum.value }} as {{ sum.name }}
{% endfor %}
from (
    select
        model
        , baseline
{% for key in keys %}
        , {{ key }}
{% endfor %}
        , y_true
        , base_true
        , case when {{ decided }} then 1 else 0 end as decided
        , case when {{ base_decided }} then 1 else 0 end as base_decided
{% for term in terms %}
        , {{ term.value }} as {{ term.name }}
{% endfor %}
    from prediction_pairs
) as scored
group by
    model
    , baseline
{% for key in keys %}
    , {{ key }}
{% endfor %}
    , y_true
    , base_true
    , decided
    , base_decided
