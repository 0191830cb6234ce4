-- purpose: How far the scores that were served are from those of the offline pipeline.
-- takes: $near: differences up to this count as none; the table of what was served, compiled in.
-- reads: the table of what was served.
-- gives: one row per arm (place) with offline scores: compared (requests), differing (those whose scores differ), largest
--        (difference, absolute).
select
    place
    , count(*) as compared
    , count(case when abs(score - offline_score) > $near then 1 end) as differing
    , max(abs(score - offline_score)) as largest
from {{ served }}
where place is not null and offline_score is not null
group by place
order by place
