-- purpose: The wide table with the permanent fold of every unit, by a hash of its id.
-- takes: the hash, compiled in.
-- reads: unit_outcomes.
-- gives: unit_outcomes, and fold (0 to 9, as text): the same for a unit in every experiment, study and run.
select
    o.*
    , cast({{ fold }} as varchar) as fold
from unit_outcomes as o
where o.unit is not null
