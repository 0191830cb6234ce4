-- purpose: The training series in order of time.
-- takes: nothing.
-- reads: training.
-- gives: series, place (from 1 on), y.
select
    series
    , row_number() over (partition by series order by t.at) as place
    , y
from training as t
