-- purpose: Units that stand in more than one row of a table that promises one row per unit.
-- takes: nothing.
-- reads: unit_outcomes.
-- gives: one row: repeated_units (units with more than one row in an experiment), an example, in_two_variants (those of
--        them seen in more than one variant).
select
    count(*) as repeated_units,
    min(unit) as example,
    coalesce(sum(case when mixed then 1 else 0 end), 0) as in_two_variants
from (
    select experiment, unit, min(variant) <> max(variant) as mixed
    from unit_outcomes
    where unit is not null
    group by experiment, unit
    having count(*) > 1
) as repeated
