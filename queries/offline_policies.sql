-- purpose: The canonical view of target policies: with which probability each would choose which action.
-- takes: the study's column mapping of [offline.policies], compiled into the select list.
-- reads: the source of [offline.policies].
-- gives: policy, action (text), context, position (text; null when not mapped: the same in all of them), probability.
select
    {{ policy }} as policy
    , {{ context }} as context
    , {{ position }} as position
    , {{ action }} as action
    , {{ probability }} as probability
from {{ source }}
