-- purpose: What every judged query could give at best: its relevant documents, and its ideal gains.
-- takes: the grade of a label, and the ideal gains by gain and cut-off, compiled in.
-- reads: the queries (all, or drawn ones), graded documents.
-- gives: one row per query: query_id, query, relevant (documents from grade 1 on), graded (above 0), and one column per
--        ideal gain.
with ordered as (
    select
        query_id
        , {{ grade }} as grade
        , row_number() over (partition by query_id order by {{ grade }} desc) as place
    from {{ graded }}
    where {{ grade }} > 0
)

, summed as (
    select
        query_id
        , sum(case when grade >= 1 then 1 else 0 end) as relevant
        , count(*) as graded
{% for sum in sums %}
        , {{ sum.value }} as {{ sum.name }}
{% endfor %}
    from ordered
    group by query_id
)

select
    q.query_id
    , q.query
    , coalesce(s.relevant, 0) as relevant
    , coalesce(s.graded, 0) as graded
{% for ideal in ideals %}
    , {{ ideal.value }} as {{ ideal.name }}
{% endfor %}
from {{ queries }} as q
left join summed as s on s.query_id = q.query_id
