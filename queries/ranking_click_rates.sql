-- purpose: How often documents were relevant by where they were shown, by the judgements of one label.
-- takes: from which grade on a document counts, and how many positions are wanted, compiled in.
-- reads: ranking_exposures, ranking_grades.
-- gives: one row per position, the first ones: position, shown (documents) and clicked (relevant ones).
select
    e.position
    , count(*) as shown
    , count(case when {{ counts }} then 1 end) as clicked
from ranking_exposures as e
left join ranking_grades as g on g.query_id = e.query_id and g.item = e.item
where e.position is not null
group by e.position
order by e.position
limit {{ most }}
