-- purpose: Whether the propensities of the logging policies together can be used.
-- takes: nothing.
-- reads: mixture_decisions.
-- gives: one row: decisions; beyond, how many have no propensity in (0, 1]; least_propensity.
select
    count(*) as decisions
    , count(case when not coalesce(propensity > 0 and propensity <= 1 + 1e-9, false) then 1 end) as beyond
    , min(case when propensity > 0 then propensity end) as least_propensity
from mixture_decisions
