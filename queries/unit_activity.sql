-- purpose: How much each unit did, as sizes on a scale of ratios: who has no events at all, and who has far too many.
-- takes: the fact tables and those of their metric parts that are sums or counts after exposure, and what tells units
--        apart, compiled in.
-- reads: first_exposures, and the unit parts of every fact table.
-- gives: one row per experiment x variant x part x size: units, with a value of at least 2^(size / 8) and below
--        2^((size + 1) / 8). Units without a value above zero have no row.
with sized as (
    select
        x.experiment
        , x.variant
{% for part in parts %}
        , case
            when {{ part.value }} > 0 then floor(8 * ln(cast({{ part.value }} as double)) / ln(2) + 0.000000001)
        end as {{ part.name }}
{% endfor %}
    from first_exposures as x
{% for fact in facts %}
    left join {{ fact.table }} as {{ fact.alias }}
        on {{ fact.alias }}.experiment = x.experiment and {{ fact.alias }}.{{ key }} = x.{{ key }}
{% endfor %}
)

{% for part in parts %}
select
    experiment
    , variant
    , {{ part.label }} as part
    , {{ part.name }} as size
    , count(*) as units
from sized
where {{ part.name }} is not null
group by experiment, variant, {{ part.name }}
{% if not loop.last %}
union all
{% endif %}
{% endfor %}
order by 1, 2, 3, 4
