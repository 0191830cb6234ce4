-- purpose: Units beside what they add to offline gains, for the sums of products of both.
-- takes: the units, and the names of the contest and of the influence, compiled in.
-- reads: unit_outcomes, offline_unit_gains.
-- gives: all columns of the units that asked test queries, once per contest: the contest and the unit's influence.
select
    o.*
    , g.{{ contest }}
    , g.{{ influence }}
from {{ units }} as o
join offline_unit_gains as g on g.unit = o.unit
