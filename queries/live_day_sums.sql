-- purpose: Products of what one unit adds on two days: how the values of two days vary together.
-- takes: the sums of one unit on one day and on another, and the exact sums of their products, compiled in.
-- reads: live_units.
-- gives: one row per place x day (part) x the same or a later day (other): the parts of the exact sums.
select
    place
    , part
    , other
{% for sum in sums %}
    , {{ sum.value }} as {{ sum.name }}
{% endfor %}
from (
    select
        l.place
        , l.part
        , r.part as other
{% for total in left %}
        , {{ total.value }} as {{ total.name }}
{% endfor %}
{% for total in right %}
        , {{ total.value }} as {{ total.name }}
{% endfor %}
    from live_units as l
    join live_units as r on r.place = l.place and r.unit = l.unit and r.part >= l.part
) as totals
group by place, part, other
order by place, part, other
