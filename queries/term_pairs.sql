-- purpose: The terms of every candidate and of its baseline over the examples that both have, added up by bucket.
-- takes: the slices, the terms and the exact sums, compiled in; a slice is that of the candidate's row.
-- reads: the table of terms, compiled in; task_pairs (model, baseline).
-- gives: one row per model x baseline x bucket, and the same per value of each slice: slice_name, slice_value (null for
--        all examples, and where it is not known), bucket, n (shared examples), and the parts of the sums.
with paired as (
    select
        p.model
        , p.baseline
        , m.bucket
{% for slice in slices %}
        , m.{{ slice.column }}
{% endfor %}
{% for term in terms %}
        , m.{{ term.name }} as {{ term.candidate }}
        , b.{{ term.name }} as {{ term.base }}
{% endfor %}
    from task_pairs as p
    join {{ table }} as m on m.model = p.model
    join {{ table }} as b on b.model = p.baseline and b.example = m.example
)

select
    model
    , baseline
    , cast(null as varchar) as slice_name
    , cast(null as varchar) as slice_value
    , bucket
    , count(*) as n
{% for sum in sums %}
    , {{ sum.value }} as {{ sum.name }}
{% endfor %}
from paired
group by model, baseline, bucket
{% for slice in slices %}
union all
select
    model
    , baseline
    , {{ slice.label }}
    , {{ slice.column }}
    , bucket
    , count(*)
{% for sum in sums %}
    , {{ sum.value }}
{% endfor %}
from paired
group by model, baseline, {{ slice.column }}, bucket
{% endfor %}
order by 1, 2, 3, 4, 5
