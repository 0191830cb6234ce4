-- purpose: The canonical view of a shadow run: what every model took for every request.
-- takes: the study's column mapping of [offline.shadow], compiled into the select list.
-- reads: the source of [offline.shadow].
-- gives: request, model (text), latency (milliseconds; null where there was no answer), cost, error (not 0: it failed; both
--        null when not mapped).
select
    {{ request }} as request
    , {{ model }} as model
    , {{ latency_ms }} as latency
    , {{ cost }} as cost
    , {{ error }} as error
from {{ source }}
