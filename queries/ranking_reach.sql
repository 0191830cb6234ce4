-- purpose: How many different documents every model shows among the first of its lists, and all models together.
-- takes: the cut-off, and whether only documents among the items count, compiled in.
-- reads: ranking_shown, ranking_models, offline_items (listed only).
-- gives: one row per model: model and items (different ones).
select
    m.model
{% if listed %}
    , count(distinct i.item) as items
{% else %}
    , count(distinct s.item) as items
{% endif %}
from ranking_models as m
left join ranking_shown as s on s.model_id = m.model_id and s.place <= {{ cut }}
{% if listed %}
left join offline_items as i on i.item = s.item
{% endif %}
group by m.model
order by m.model
