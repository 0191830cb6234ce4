-- purpose: Every run in its order, in one pass: the places of judged documents, of ties, of the top and of the last one.
-- takes: $queries, how many there are; the grades, and up to which place all documents are kept, compiled in.
-- reads: rankings and their models, queries, graded documents.
-- gives: one row per kept document: model_id, query_id, item, score, place (from 1; within a tie in no particular order, and
--        a tie is kept whole or not at all), is_tied, and the grades.
with graded as (
    select
        m.model_id
        , q.query_id
        , m.model_id * $queries + q.query_id as run
        , r.item
        , r.score
{% for grade in grades %}
        , g.{{ grade }}
{% endfor %}
    from {{ rankings }} as r
    join {{ models }} as m on m.model = r.model
    join {{ queries }} as q on q.query = r.query
    left join {{ graded }} as g on g.query_id = q.query_id and g.item = r.item
)

, placed as (
    select
        model_id
        , query_id
        , item
        , score
        , row_number() over (partition by run order by score desc) as place
        , lag(score) over (partition by run order by score desc) as above
        , lead(score) over (partition by run order by score desc) as below
{% for grade in grades %}
        , {{ grade }}
{% endfor %}
    from graded
)

select
    model_id
    , query_id
    , item
    , score
    , place
    , coalesce(above = score, false) or coalesce(below = score, false) as is_tied
{% for grade in grades %}
    , {{ grade }}
{% endfor %}
from placed
where
    above = score
    or below = score
    or below is null
    or place <= {{ top }}
{% for grade in grades %}
    or {{ grade }} > 0
{% endfor %}
