-- purpose: What became of units and clusters where clusters were randomised.
-- takes: the units and the column of their cluster, compiled in.
-- reads: member_outcomes.
-- gives: one row per experiment: units, without_cluster (units), clusters, mixed_clusters (seen in two variants), and
--        mixed_units (units of these).
select
    experiment
    , sum(units) as units
    , sum(case when cluster is null then units else 0 end) as without_cluster
    , count(cluster) as clusters
    , count(case when mixed then cluster end) as mixed_clusters
    , sum(case when mixed and cluster is not null then units else 0 end) as mixed_units
from (
    select
        experiment
        , nullif({{ cluster }}, '') as cluster
        , count(*) as units
        , min(variant) <> max(variant) as mixed
    from {{ members }}
    where variant is not null
    group by experiment, nullif({{ cluster }}, '')
) as counted
group by experiment
order by experiment
