-- purpose: The canonical view of offline evaluation: scores per model and metric, per query or aggregated.
-- takes: the study's column mapping of [offline.scores], compiled into the select list.
-- reads: the source of [offline.scores].
-- gives: model, metric, query (text; null on aggregated rows), value, n (queries or examples behind an aggregated value)
--        and se (its standard error), split and day (text, the day of the evaluation), each null when not mapped, and the
--        slices (text).
select
    {{ model }} as model
    , {{ metric }} as metric
    , {{ query }} as query
    , {{ value }} as value
    , {{ n }} as n
    , {{ se }} as se
    , {{ split }} as split
    , {{ day }} as day
{% for slice in slices %}
    , {{ slice.value }} as {{ slice.name }}
{% endfor %}
from {{ source }}
