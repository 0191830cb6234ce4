-- purpose: Every model beside its baseline under many definitions at once, over all queries.
-- takes: the counts and exact sums of the definitions, compiled in.
-- reads: the values of the runs, ranking_pairs (pair, model and baseline of what is compared).
-- gives: one row per pair: pair, evaluated (queries), and the counts and the parts of the sums of the definitions.
select
    p.pair
    , count(*) as evaluated
{% for sum in sums %}
    , {{ sum.value }} as {{ sum.name }}
{% endfor %}
from ranking_pairs as p
join {{ table }} as m on m.model = p.model
join {{ table }} as b on b.model = p.baseline and b.query_id = m.query_id
group by p.pair
order by p.pair
