-- purpose: The first documents of every run, ties broken by document id.
-- takes: how many, compiled in.
-- reads: ranking_places.
-- gives: one row per document: model_id, query_id, item and place.
select
    model_id
    , query_id
    , item
    , place
from (
    select
        model_id
        , query_id
        , item
        , place
    from ranking_places
    where not is_tied
    union all
    select
        model_id
        , query_id
        , item
        , min(place) over (partition by model_id, query_id, score)
            + row_number() over (partition by model_id, query_id, score order by item desc) - 1 as place
    from ranking_places
    where is_tied
) as ordered
where place <= {{ top }}
