-- purpose: Effects computed elsewhere, under canonical names.
-- takes: the column mapping of [portfolio.effects], compiled into the select list; columns that are not there are null.
-- reads: the source of [portfolio.effects].
-- gives: one row per experiment x treatment x metric: experiment, treatment, metric, effect, standard_error, started (text
--        as it stands in the file), tag.
select
    {{ experiment }} as experiment
    , {{ treatment }} as treatment
    , {{ metric }} as metric
    , {{ effect }} as effect
    , {{ standard_error }} as standard_error
    , {{ start }} as started
    , {{ tag }} as tag
from {{ source }}
order by 1, 2, 3, 4, 5, 6, 7
