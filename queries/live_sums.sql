-- purpose: Sums over units, and of products of two sums of one unit: what values and their variances by unit are made of.
-- takes: the sums of one unit, and the exact sums of them and of their products, compiled in.
-- reads: live_units.
-- gives: one row per place x part: units, and the parts of the exact sums.
select
    place
    , part
    , count(*) as units
{% for sum in sums %}
    , {{ sum.value }} as {{ sum.name }}
{% endfor %}
from (
    select
        place
        , part
{% for total in totals %}
        , {{ total.value }} as {{ total.name }}
{% endfor %}
    from live_units
) as totals
group by place, part
order by place, part
