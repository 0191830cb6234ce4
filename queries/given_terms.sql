-- purpose: Terms of examples that were computed outside of the engine, with the bucket of each example.
-- takes: the bucket of an example, compiled in.
-- reads: given_rows (model, example, the slices and the terms).
-- gives: its rows, with bucket.
select
    g.*
    , {{ bucket }} as bucket
from given_rows as g
