-- purpose: The experiments of a study that declares them in a file of thousands.
-- takes: the study's column mapping of [experiments], compiled into the select list.
-- reads: the source of [experiments].
-- gives: one row per experiment: experiment, control, split (equal or null), starts_at, ends_at (text as it stands in the
--        file, null when open).
select
    {{ experiment }} as experiment
    , {{ control }} as control
    , {{ split }} as split
    , {{ start }} as starts_at
    , {{ end }} as ends_at
from {{ source }}
order by 1, 2, 3, 4, 5
