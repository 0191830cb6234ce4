-- purpose: The policy that chooses every action seen in a position equally often.
-- takes: $name, what it is called.
-- reads: logged_cells.
-- gives: policy, context (null), position, action, probability.
with actions as (
    select distinct
        position
        , action
    from logged_cells
),

counted as (
    select
        position
        , count(*) as n
    from actions
    group by position
)

select
    $name as policy
    , cast(null as varchar) as context
    , a.position
    , a.action
    , 1.0e0 / c.n as probability
from actions as a
join counted as c on c.position = a.position
