-- purpose: The units that are analysed: one row per experiment and unit, in exactly one variant.
-- takes: what tells units apart, the slices of the study and its time zone, and the experiment if only one is declared (what
--        is the same for all units need not be compared), compiled into the select list.
-- reads: enrolments.
-- gives: experiment, unit (text), variant, exposed_at (UTC), ends_at (UTC), day (date of first exposure in the study's time
--        zone), the slices at first exposure, and the unit as a number where all logs hold it as one.
select
{% if only %}
    {{ only }} as experiment
{% else %}
    experiment
{% endif %}
{% if number %}
    , cast({{ number }} as varchar) as unit
    , {{ number }}
{% else %}
    , unit
{% endif %}
    , first.variant as variant
    , first.at as exposed_at
    , ends_at
    , {{ day }} as day
{% for slice in slices %}
    , first.{{ slice }} as {{ slice }}
{% endfor %}
from enrolments
where not mixed
