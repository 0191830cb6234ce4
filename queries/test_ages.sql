-- purpose: The examples of the test set by how long after the end of training they were made.
-- takes: the ends of the ages as conditions with their names, compiled in.
-- reads: predictions, trained_until (place, model, until).
-- gives: place, part (the age), unit (the example), y_true, score.
select
    t.place
    , case
{% for age in ages %}
        when {{ age.value }} then {{ age.name }}
{% endfor %}
    end as part
    , p.example as unit
    , p.y_true
    , p.y_score as score
from predictions as p
join trained_until as t on t.model = p.model
where p."at" is not null
