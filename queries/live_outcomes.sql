-- purpose: The live predictions, or items of live lists, that an event followed which tells that they were right.
-- takes: the view of the log, the fact table, which of its events tell, for how long they count, and the columns of the fact
--        table that hold request and item (or none), compiled in.
-- reads: the view of the log, the fact table.
-- gives: model, unit, request and item (null of predictions), each once.
select distinct
    l.model
    , l.unit
    , l.request
{% if item %}
    , l.item
{% endif %}
from {{ log }} as l
join (
    select
        unit
{% if timed %}
        , "at"
{% endif %}
{% if request %}
        , {{ request }} as told_request
{% endif %}
{% if item %}
        , {{ item }} as told_item
{% endif %}
    from {{ fact }}
{% if where %}
    where {{ where }}
{% endif %}
) as e
    on e.unit = l.unit
{% if request %}
    and e.told_request = l.request
{% endif %}
{% if item %}
    and e.told_item = l.item
{% endif %}
{% if timed %}
    and e."at" >= l.at
    and e."at" < l.at + {{ within }}
{% endif %}
where
    l.unit is not null
    and l.model is not null
    and l.request is not null
    and l.at is not null
