-- purpose: Two metrics of one comparison side by side, over the examples that have a difference in both.
-- takes: the pairs of values, and the grids of the exact sums, compiled in.
-- reads: the pairs of values, offline_twins (number, contest of the one metric and of the other).
-- gives: one row per two metrics: twin, shared (examples) and the parts of the exact sums of both differences and of their
--        product over these.
select
    t.twin
    , count(*) as shared
{% for sum in sums %}
    , {{ sum.value }} as {{ sum.name }}
{% endfor %}
from offline_twins as t
join {{ pairs }} as a on a.contest = t.contest
join {{ pairs }} as b on b.contest = t.other and b.example = a.example
where a.difference is not null and b.difference is not null
group by t.twin
order by t.twin
