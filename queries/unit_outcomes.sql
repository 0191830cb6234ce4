-- purpose: The wide table: one row per experiment and analysed unit, one column per metric part.
-- takes: what tells units apart, the metric parts and slices of the study, compiled into the select list.
-- reads: first_exposures, the unit parts of every fact table, and units where a covariate or the cluster comes from there.
-- gives: experiment, variant, unit, day, the slices, the cluster where one is declared, and one number per part. A unit
--        without events has 0, and stays; a pre-period value that is not known stays null.
select
    x.experiment
    , x.variant
    , x.unit
    , x.day
{% for slice in slices %}
    , x.{{ slice }}
{% endfor %}
{% if cluster %}
    , cast(u.cluster as varchar) as {{ cluster }}
{% endif %}
{% for part in parts %}
    , {{ part.value }} as {{ part.name }}
{% endfor %}
from first_exposures as x
{% for fact in facts %}
left join {{ fact.table }} as {{ fact.alias }}
    on {{ fact.alias }}.experiment = x.experiment and {{ fact.alias }}.{{ key }} = x.{{ key }}
{% endfor %}
{% if with_units %}
left join units as u on u.unit = x.unit
{% endif %}
