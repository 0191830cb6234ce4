-- purpose: The units that are analysed: one row per experiment and unit, in exactly one variant.
-- takes: the slices of the study, compiled into the select list.
-- reads: enrolments.
-- gives: experiment, unit, variant, exposed_at, ends_at, day (date of first exposure) and the slices at first exposure.
select
    experiment,
    unit,
    first.variant as variant,
    first.at as exposed_at,
    ends_at,
    cast(first.at as date) as day
{% for slice in slices %}
    , first.{{ slice }} as {{ slice }}
{% endfor %}
from enrolments
where not mixed
