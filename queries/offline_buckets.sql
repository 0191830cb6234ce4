-- purpose: The differences of contests by bucket, for resampling: an example is a bucket, or many share one by their hash.
-- takes: the pairs, the bucket of an example, and the grids of the exact sums, compiled in.
-- reads: the pairs of values, offline_bucketed (numbers of contests, and whether their examples are hashed).
-- gives: one row per contest x bucket, in their order: shared (examples with both values) and the parts of the exact sum of
--        their differences.
with placed as (
    select
        p.contest
        , case when b.hashed then {{ bucket }} else p.example end as bucket
        , p.difference
    from {{ pairs }} as p
    join offline_bucketed as b on b.contest = p.contest
    where p.difference is not null
)

select
    contest
    , count(*) as shared
{% for sum in sums %}
    , {{ sum.value }} as {{ sum.name }}
{% endfor %}
from placed
group by contest, bucket
order by contest, bucket
