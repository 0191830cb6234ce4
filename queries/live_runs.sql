-- purpose: The lists of a live log as rankings: every request is a query of its own.
-- takes: the score that orders the items, and whether it is that of the offline pipeline, compiled in.
-- reads: live_rankings, live_requests.
-- gives: model (the same throughout), query (the run of the request), item, score, split (null); of offline scores only the
--        requests all of whose items have one.
select
    'live' as model
    , q.run as query
    , l.item
    , {{ score }} as score
    , cast(null as varchar) as split
from live_rankings as l
join live_requests as q on q.model = l.model and q.request = l.request
where
    l.item is not null
    and l.score is not null
{% if recomputed %}
    and q.recomputed = q.items
{% endif %}
