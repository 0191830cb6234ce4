-- The units workload by hand, numerically stable: centred second moments in one pass.
select
    variant, count(*) as n,
    avg(revenue), var_samp(revenue),
    avg(converted),
    avg(clicks), avg(sessions), var_samp(clicks), var_samp(sessions), covar_samp(clicks, sessions),
    avg(spend), var_samp(spend), avg(history), var_samp(history), covar_samp(spend, history)
from read_parquet(getvariable('units'))
group by variant
