-- purpose: What the logged decisions hold, and whether they can be used.
-- takes: nothing.
-- reads: logged_decisions.
-- gives: one row: decisions; how many have an action, reward, request, context and logger, how many a reward that is not
--        finite; how many have a propensity, and how many one that is not in (0, 1]; how many rewards are neither 0 nor 1;
--        smallest and largest reward, smallest propensity; folds.
select
    count(*) as decisions
    , count(action) as actions
    , count(reward) as rewards
    , count(request) as requests
    , count(context) as contexts
    , count(logger) as loggers
    , count(case when not isfinite(reward) then 1 end) as not_finite
    , count(propensity) as propensities
    , count(case when not isfinite(propensity) or propensity <= 0 or propensity > 1 then 1 end) as beyond
    , count(case when reward not in (0, 1) then 1 end) as not_binary
    , min(reward) as smallest
    , max(reward) as largest
    , min(case when propensity > 0 then propensity end) as least_propensity
    , count(distinct fold) as folds
from logged_decisions
