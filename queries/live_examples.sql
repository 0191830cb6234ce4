-- purpose: Scores and labels that quality is measured on: of served requests, or of the examples of the test set.
-- takes: the table, which of its rows count, the unit that examples are clustered by, what they are broken down by, and the
--        second score (or none), compiled in.
-- reads: the table of what was served; or predictions and live_models (place, model).
-- gives: place, part, unit, y_true, score, and base (the second score).
select
    {{ place }} as place
    , {{ part }} as part
    , {{ unit }} as unit
    , y_true
    , {{ score }} as score
{% if base %}
    , {{ base }} as base
{% endif %}
from {{ source }}
{% if where %}
where {{ where }}
{% endif %}
