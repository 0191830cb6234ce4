-- purpose: Every document that could be ranked for a query: what some model returned, and what is judged.
-- takes: the names of the grades, compiled in.
-- reads: rankings, ranking_sample, ranking_grades.
-- gives: one row per drawn query and document: query_id, query, item and is_relevant (1 from grade 1 on of any label,
--        else 0).
select
    q.query_id
    , q.query
    , c.item
    , max(c.is_relevant) as is_relevant
from (
    select
        s.query_id
        , r.item
        , 0 as is_relevant
    from rankings as r
    join ranking_sample as s on s.query = r.query
    union all
    select
        query_id
        , item
        , case
{% for grade in grades %}
            when {{ grade }} >= 1 then 1
{% endfor %}
            else 0
        end as is_relevant
    from ranking_grades
) as c
join ranking_sample as q on q.query_id = c.query_id
group by q.query_id, q.query, c.item
