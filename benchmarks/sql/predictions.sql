-- Everything but the order of scores, in one grouped scan.
select
    segment
    , least(cast(floor(p * 10) as integer), 9) as bin
    , count(*) as n
    , sum(p) as probability
    , sum(churned) as positives
    , count(case when p >= 0.05 then 1 end) as called
    , count(case when p >= 0.05 and churned = 1 then 1 end) as found
    , sum(-ln(greatest(case when churned = 1 then p else 1 - p end, 2.220446049250313e-16))) as log_loss
from read_parquet(getvariable('predictions'))
group by all
