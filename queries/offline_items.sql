-- purpose: The canonical view of items: what they cost, what kind they are, how popular they are.
-- takes: the study's column mapping of [offline.items], compiled into the select list.
-- reads: the source of [offline.items].
-- gives: item, category (text), price and popularity, null where not mapped.
select
    {{ item }} as item
    , {{ category }} as category
    , {{ price }} as price
    , {{ popularity }} as popularity
from {{ source }}
