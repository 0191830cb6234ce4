-- purpose: Whether what is known of where documents were shown can be used.
-- takes: nothing.
-- reads: ranking_exposures.
-- gives: one row: documents (with a propensity), disagrees, unfit (documents) and least (the smallest propensity).
select
    count(propensity) as documents
    , coalesce(sum(disagrees), 0) as disagrees
    , coalesce(sum(unfit), 0) as unfit
    , min(propensity) as least
from ranking_exposures
