-- purpose: Decisions and probabilities held against the labels: everything but the order of scores, in one pass.
-- takes: the slices, the threshold, and the terms of the exact sums, compiled in.
-- reads: predictions.
-- gives: one row per model x values of all slices x label (y_true, 0 or 1) x decision (decided, 1 or 0) x bin of the
--        probability (0 to 9; 0 throughout without probabilities): n (examples), and the parts of the exact sums.
select
    model
{% for slice in slices %}
    , {{ slice }}
{% endfor %}
    , y_true
    , decided
    , bin
    , count(*) as n
{% for sum in sums %}
    , {{ sum.value }} as {{ sum.name }}
{% endfor %}
from (
    select
        model
{% for slice in slices %}
        , {{ slice }}
{% endfor %}
        , y_true
        , case when {{ decided }} then 1 else 0 end as decided
        , {{ bin }} as bin
{% for term in terms %}
        , {{ term.value }} as {{ term.name }}
{% endfor %}
    from predictions
) as scored
group by
    model
{% for slice in slices %}
    , {{ slice }}
{% endfor %}
    , y_true
    , decided
    , bin
