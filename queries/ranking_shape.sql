-- purpose: What became of every run once it was in order.
-- takes: the grades, compiled in.
-- reads: the places of the runs, and their models.
-- gives: one row per model: model, runs (judged queries it ranked), documents (under these), longest (documents of one run)
--        and ties (documents with a grade above zero that share their score with another).
with runs as (
    select
        model_id
        , query_id
        , max(place) as retrieved
        , sum(
            case
{% for grade in grades %}
                when is_tied and {{ grade }} > 0 then 1
{% endfor %}
                else 0
            end
        ) as ties
    from {{ places }}
    group by model_id, query_id
)

select
    m.model
    , count(r.query_id) as runs
    , coalesce(sum(r.retrieved), 0) as documents
    , coalesce(max(r.retrieved), 0) as longest
    , coalesce(sum(r.ties), 0) as ties
from {{ models }} as m
left join runs as r on r.model_id = m.model_id
group by m.model
order by m.model
