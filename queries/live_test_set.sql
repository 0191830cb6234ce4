-- purpose: The test set of the models that were live, as quality is measured on: every example is a unit of its own.
-- takes: the slices, compiled in.
-- reads: predictions, live_models (place, model).
-- gives: one row per live model and example: place, unit (the example), y_true, score, and the slices.
select
    m.place
    , p.example as unit
    , p.y_true
    , p.y_score as score
{% for slice in slices %}
    , p.{{ slice.value }} as {{ slice.name }}
{% endfor %}
from predictions as p
join live_models as m on m.model = p.model
