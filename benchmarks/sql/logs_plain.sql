-- The logs workload by hand, as one writes it first: one statement, distinct sessions counted per unit, and the units
-- grouped once per slice, with centred second moments.
with analysed as (
    select
        user_id, min(variation) as variant, min(ts) as first_at,
        arg_min(device, ts) as device, arg_min(country, ts) as country, arg_min(new_user, ts) as new_user
    from read_parquet(getvariable('exposures'))
    group by user_id
    having min(variation) = max(variation)
),
per_unit as (
    select
        e.user_id,
        count(*) filter (e.event = 'impression') as impressions,
        count(*) filter (e.event = 'click') as clicks,
        count(*) filter (e.event = 'purchase') > 0 as converted,
        sum(e.amount) filter (e.event = 'purchase') as revenue,
        count(distinct e.session_id) as sessions
    from read_parquet(getvariable('events')) as e
    join analysed as a
        on a.user_id = e.user_id and e.ts >= a.first_at and e.ts < a.first_at + interval 7 day
    group by e.user_id
),
outcomes as (
    select
        variant, cast(cast(first_at as date) as varchar) as day, device, country,
        cast(new_user as varchar) as new_user,
        coalesce(impressions, 0) as impressions, coalesce(clicks, 0) as clicks,
        coalesce(cast(converted as integer), 0) as converted,
        coalesce(revenue, 0) as revenue, coalesce(sessions, 0) as sessions
    from analysed
    left join per_unit using (user_id)
)
select
    variant, day, device, country, new_user, count(*) as n,
    avg(revenue), var_samp(revenue), avg(converted),
    avg(clicks), avg(impressions), var_samp(clicks), var_samp(impressions), covar_samp(clicks, impressions),
    avg(sessions), var_samp(sessions), covar_samp(revenue, sessions)
from outcomes
group by grouping sets ((variant), (variant, day), (variant, device), (variant, country), (variant, new_user))
