-- purpose: Units that stand in more than one row of [units].
-- takes: nothing.
-- reads: units.
-- gives: one row: repeated_units, and an example.
select
    count(*) as repeated_units
    , min(unit) as example
from (
    select unit
    from units
    group by unit
    having count(*) > 1
) as repeated
