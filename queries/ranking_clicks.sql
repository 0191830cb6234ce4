-- purpose: The relevant documents by the judgements of one label, each with what it counts and one over its propensity.
-- takes: the gain of a grade, and from which grade on a document counts, compiled in.
-- reads: ranking_grades, ranking_exposures.
-- gives: query_id, item, gain and weight (null where the propensity is not known).
select
    g.query_id
    , g.item
    , cast({{ gain }} as double) as gain
    , 1 / e.propensity as weight
from ranking_grades as g
left join ranking_exposures as e on e.query_id = g.query_id and e.item = g.item
where {{ counts }}
