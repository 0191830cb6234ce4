-- purpose: How many queries are special, and what every definition gives on average, per model.
-- takes: the definitions' counts and exact sums, compiled in.
-- reads: the values of the runs.
-- gives: one row per model: model, queries (judged), missing (from the run), empty (without relevant documents), and
--        the counts and the parts of the sums of the definitions.
select
    model
    , count(*) as queries
    , count(case when retrieved is null then 1 end) as missing
    , count(case when relevant = 0 then 1 end) as empty
{% for sum in sums %}
    , {{ sum.value }} as {{ sum.name }}
{% endfor %}
from {{ table }}
group by model
order by model
