-- The logs workload by hand, the best we know: repeated exposures are looked at apart from the many that are not, distinct
-- sessions become plain counts by grouping by session first, and sums over cells (arm x day x all slices) are added up
-- to slices instead of grouping the units once per slice.
create temp table analysed as
with repeated as (
    select user_id from read_parquet(getvariable('exposures')) group by user_id having count(*) > 1
),
again as (
    select
        user_id, min(variation) as variant, min(ts) as first_at,
        arg_min(device, ts) as device, arg_min(country, ts) as country, arg_min(new_user, ts) as new_user
    from read_parquet(getvariable('exposures'))
    where user_id in (from repeated)
    group by user_id
    having min(variation) = max(variation)
)
select user_id, variation as variant, ts as first_at, device, country, new_user
from read_parquet(getvariable('exposures'))
where user_id not in (from repeated)
union all
from again;

create temp table per_unit as
with per_session as (
    select
        e.user_id, e.session_id,
        count(case when e.event = 'impression' then 1 end) as impressions,
        count(case when e.event = 'click' then 1 end) as clicks,
        count(case when e.event = 'purchase' then 1 end) as orders,
        sum(case when e.event = 'purchase' then e.amount end) as revenue
    from read_parquet(getvariable('events')) as e
    join analysed as a
        on a.user_id = e.user_id and e.ts >= a.first_at and e.ts < a.first_at + interval 7 day
    group by e.user_id, e.session_id
)
select
    user_id, cast(sum(impressions) as bigint) as impressions, cast(sum(clicks) as bigint) as clicks,
    max(orders) > 0 as converted, sum(revenue) as revenue, count(*) as sessions
from per_session
group by user_id;

create temp table cells as
select
    variant, cast(first_at as date) as day, device, country, new_user, count(*) as n,
    sum(clicks) as c, sum(impressions) as i, sum(clicks * clicks) as cc, sum(impressions * impressions) as ii,
    sum(clicks * impressions) as ci, sum(cast(converted as integer)) as k,
    sum(revenue) as r, sum(sessions) as s, sum(revenue * revenue) as rr, sum(sessions * sessions) as ss,
    sum(revenue * sessions) as rs
from analysed
left join per_unit using (user_id)
group by all;

select
    variant, cast(day as varchar), device, country, cast(new_user as varchar), sum(n),
    sum(r), sum(rr), sum(k), sum(c), sum(i), sum(cc), sum(ii), sum(ci), sum(s), sum(ss), sum(rs)
from cells
group by grouping sets ((variant), (variant, day), (variant, device), (variant, country), (variant, new_user));
