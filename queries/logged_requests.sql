-- purpose: How many decisions a request has at most: what bounds the sums of one.
-- takes: nothing.
-- reads: logged_decisions.
-- gives: one row: most.
with requests as (
    select
        request
        , count(*) as decisions
    from logged_decisions
    group by request
)

select max(decisions) as most
from requests
