-- purpose: The sums of a Poisson bootstrap: every unit counts 0, 1, 2, ... times, by a weight of its own in every draw.
-- takes: the slices, the draw of a unit's number, the weight that it becomes, and the sums, compiled in.
-- reads: resample_units, resample_draws.
-- gives: one row per cell and draw: units (the sum of weights), the weights of units with a value where some have none, and
--        the weighted sums. Weights are whole numbers and values lie on grids: every sum is exact, and the same on every
--        engine and however rows are ordered.
with drawn as (
    select
        u.experiment
{% for key in keys[1:] %}
        , u.{{ key }}
{% endfor %}
{% for term in terms %}
        , u.{{ term.name }}
{% endfor %}
        , r.draw
        , {{ drawn }} as drawn
    from resample_units as u
    cross join resample_draws as r
),

weighted as (
    select
        experiment
{% for key in keys[1:] %}
        , {{ key }}
{% endfor %}
{% for term in terms %}
        , {{ term.name }}
{% endfor %}
        , draw
        , cast({{ weight }} as double) as weight
    from drawn
    where drawn >= {{ nothing_below }}
)

select
    experiment
{% for key in keys[1:] %}
    , {{ key }}
{% endfor %}
    , draw
    , sum(weight) as units
{% for column in counted %}
    , sum(case when {{ column.name }} is not null then weight end) as {{ column.known }}
{% endfor %}
{% for term in terms %}
    , sum(weight * {{ term.name }}) as {{ term.name }}
{% endfor %}
from weighted
group by {% for key in keys %}{{ key }}, {% endfor %}draw
