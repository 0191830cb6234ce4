-- purpose: The metrics of the test set's queries, of the models that were live: every query is a unit of its own.
-- takes: nothing.
-- reads: offline_values, live_models (place, model).
-- gives: place, part (the metric), unit (the query), value (0 where there is none) and known (1 where there is one).
select
    m.place
    , o.metric as part
    , o.example as unit
    , coalesce(o.value, 0e0) as value
    , case when o.value is null then 0e0 else 1e0 end as known
from offline_values as o
join live_models as m on m.model = o.model
