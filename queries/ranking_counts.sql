-- purpose: How many queries are special, and what every definition gives on average, per model.
-- takes: the definitions' counts and exact sums, compiled in.
-- reads: the values of the runs.
-- gives: one row per model: model, queries (judged), missing (from the run), empty (no grade of 1 or more),
--        gainless (no grade above 0), and the counts and the parts of the sums of the definitions.
select
    model
    , count(*) as queries
    , count(case when retrieved is null then 1 end) as missing
    , count(case when relevant = 0 then 1 end) as empty
    , count(case when graded = 0 then 1 end) as gainless
{% for sum in sums %}
    , {{ sum.value }} as {{ sum.name }}
{% endfor %}
from {{ table }}
group by model
order by model
