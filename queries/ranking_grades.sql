-- purpose: The judgements as one row per query and document, with a column for the grade of every label.
-- takes: the labels as conditions and the names of their columns, compiled in.
-- reads: the judgements and their queries.
-- gives: query_id, item and one grade per label (null where it is not judged).
select
    q.query_id
    , j.item
{% for grade in grades %}
    , max({{ grade.value }}) as {{ grade.name }}
{% endfor %}
from {{ judgements }} as j
join {{ queries }} as q on q.query = j.query
group by q.query_id, j.item
