-- purpose: How many relevant documents there are by the judgements of one label, and of how many the propensity is known.
-- takes: nothing.
-- reads: ranking_clicks.
-- gives: one row: clicks and weighted (those with a propensity).
select
    count(*) as clicks
    , count(weight) as weighted
from ranking_clicks
