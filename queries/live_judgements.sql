-- purpose: What the outcomes say of the items of live lists: relevant when an event followed, else not.
-- takes: nothing.
-- reads: live_rankings, live_requests, live_outcomes.
-- gives: query (the run of the request), item, label (null), relevance (1 or 0).
select
    q.run as query
    , l.item
    , cast(null as varchar) as label
    , case when o.item is null then 0e0 else 1e0 end as relevance
from live_rankings as l
join live_requests as q on q.model = l.model and q.request = l.request
left join live_outcomes as o
    on o.model = l.model
    and o.unit = l.unit
    and o.request = l.request
    and o.item = l.item
where l.item is not null and l.score is not null
