-- purpose: The units that are analysed: one row per experiment and unit, in exactly one variant.
-- takes: the slices of the study and its time zone, compiled into the select list.
-- reads: enrolments.
-- gives: experiment, unit, variant, exposed_at (UTC), ends_at (UTC), day (date of first exposure in the study's time zone)
--        and the slices at first exposure.
select
    experiment
    , unit
    , first.variant as variant
    , first.at as exposed_at
    , ends_at
    , {{ day }} as day
{% for slice in slices %}
    , first.{{ slice }} as {{ slice }}
{% endfor %}
from enrolments
where not mixed
