-- purpose: The values of each arm, or of each part of it, in order.
-- takes: what the parts are (the values of a slice, days with all units first exposed up to each, or nothing), and
--        whether a unit or cluster may have several values, compiled in.
-- reads: quantile_values and quantile_cells.
-- gives: one row per value and cell it belongs to: cell, value, place (1 is the smallest), and where there may be several
--        values the unit or cluster they belong to (cluster).
select
    c.cell
{% if clustered %}
    , v.cluster
{% endif %}
    , v.value
    , row_number() over (partition by c.cell order by v.value) as place
from quantile_values as v
join quantile_cells as c on c.experiment = v.experiment and c.variant = v.variant
{% if slice %}
    and c.part is not distinct from v.{{ slice }}
{% elif by_day %}
    and c.part >= cast(v.day as varchar)
{% endif %}
