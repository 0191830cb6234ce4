-- purpose: The canonical view of logged decisions: what was chosen, with which probability, and what came of it.
-- takes: the study's column mapping of [offline.logged], compiled into the select list.
-- reads: the source of [offline.logged].
-- gives: request, context, action, logger (text, null when not mapped), position (text, empty when not mapped), reward,
--        propensity (null when not given), fold (0 to 9, from the request or the context; 0 without either).
select
    {{ request }} as request
    , {{ context }} as context
    , {{ action }} as action
    , {{ position }} as position
    , {{ logger }} as logger
    , {{ reward }} as reward
    , {{ propensity }} as propensity
    , {{ fold }} as fold
from {{ source }}
