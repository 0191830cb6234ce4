-- purpose: The canonical view of judgements: how relevant a document is to a query.
-- takes: the study's column mapping of [offline.judgements], compiled into the select list.
-- reads: the source of [offline.judgements].
-- gives: query, item, label (text; null when not mapped) and relevance.
select
    {{ query }} as query
    , {{ item }} as item
    , {{ label }} as label
    , {{ relevance }} as relevance
from {{ source }}
