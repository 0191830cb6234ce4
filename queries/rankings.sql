-- purpose: The canonical view of rankings: which document every model put where, for every query.
-- takes: the study's column mapping of [offline.rankings], compiled into the select list.
-- reads: the source of [offline.rankings].
-- gives: model, query, item (text), score (the larger the earlier; a rank turned round where ranks were given), split
--        (text), position and propensity (where it was shown, and how probably it was looked at there); null if not mapped.
select
    {{ model }} as model
    , {{ query }} as query
    , {{ item }} as item
    , {{ score }} as score
    , {{ split }} as split
    , {{ position }} as position
    , {{ propensity }} as propensity
from {{ source }}
