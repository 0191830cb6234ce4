-- purpose: Every document that could be ranked for a query: what some model returned for it.
-- takes: the names of the grades, compiled in.
-- reads: rankings, ranking_sample, ranking_grades.
-- gives: one row per drawn query and document: query_id, query, item and is_relevant (1 from grade 1 on of any label,
--        else 0).
select
    s.query_id
    , s.query
    , r.item
    , max(case
{% for grade in grades %}
        when g.{{ grade }} >= 1 then 1
{% endfor %}
        else 0
    end) as is_relevant
from rankings as r
join ranking_sample as s on s.query = r.query
left join ranking_grades as g on g.query_id = s.query_id and g.item = r.item
group by s.query_id, s.query, r.item
