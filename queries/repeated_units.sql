-- purpose: Units that stand in more than one row of a table that promises one row per unit, and rows without a unit.
-- takes: the table, compiled in.
-- reads: unit_outcomes (or its like by unit, where clusters are analysed).
-- gives: one row: without_unit (rows), repeated_units (units with more than one row in an experiment), in_two_variants
--        (those of them seen in more than one variant), example (one of them).
with counted as (
    select
        experiment
        , nullif(unit, '') as unit
        , count(*) as row_count
        , min(variant) <> max(variant) as mixed
    from {{ units }}
    group by experiment, nullif(unit, '')
)

select
    coalesce(sum(case when unit is null then row_count else 0 end), 0) as without_unit
    , count(case when row_count > 1 then unit end) as repeated_units
    , count(case when row_count > 1 and mixed then unit end) as in_two_variants
    , min(case when row_count > 1 then unit end) as example
from counted
