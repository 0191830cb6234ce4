-- purpose: How many different documents every model shows among the first of its lists, and all models together.
-- takes: the cut-off, compiled in.
-- reads: ranking_shown, ranking_models.
-- gives: one row per model: model and items (different ones).
select
    m.model
    , count(distinct s.item) as items
from ranking_models as m
left join ranking_shown as s on s.model_id = m.model_id and s.place <= {{ cut }}
group by m.model
order by m.model
