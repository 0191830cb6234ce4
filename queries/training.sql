-- purpose: The canonical view of the series that forecasting models were trained on.
-- takes: the study's column mapping of [offline.training], compiled into the select list.
-- reads: the source of [offline.training].
-- gives: series (empty when not mapped), at (UTC), y.
select
    coalesce({{ series }}, '') as series
    , {{ at }} as at
    , {{ y }} as y
from {{ source }}
