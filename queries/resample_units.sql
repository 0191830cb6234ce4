-- purpose: What is weighted in a bootstrap: the values of every unit, and the number that its weights are drawn from.
-- takes: the slices, the value columns (part, cap, centre) and the terms of their exact sums, the hash of a unit, and the
--        experiments that are resampled (all when none is named), compiled in.
-- reads: unit_outcomes; caps when a metric is capped.
-- gives: one row per unit that has an id: what cells are told apart by, drawn_from (a whole number), and per column its
--        centred value in terms that are rounded to common grids, so that all weighted sums of them are exact. Rows are
--        ordered by cell, because that makes grouping them fast.
with valued as (
    select
        o.experiment
{% for key in keys[1:] %}
        , o.{{ key }}
{% endfor %}
        , {{ number }} as drawn_from
{% for column in columns %}
        , {{ column.value }}{% if column.centre %} - {{ column.centre }}{% endif %} as {{ column.name }}
{% endfor %}
    from unit_outcomes as o
{% if capped %}
    left join caps as c on c.experiment = o.experiment
{% endif %}
    where o.unit is not null
{% if experiments %}
        and o.experiment in ({{ experiments }})
{% endif %}
)

select
    experiment
{% for key in keys[1:] %}
    , {{ key }}
{% endfor %}
    , drawn_from
{% for term in terms %}
    , {{ term.value }} as {{ term.name }}
{% endfor %}
from valued
order by {% for key in keys %}{{ key }}{% if not loop.last %}, {% endif %}{% endfor %}
