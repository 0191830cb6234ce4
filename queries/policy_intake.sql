-- purpose: What the target policies hold, and whether they can be used.
-- takes: the grids of the exact sum, compiled in.
-- reads: offline_policies.
-- gives: one row per policy: places (contexts x positions) and row_count; how many rows lack a name, have no probability in
--        [0, 1], or repeat an action; least and most of the sums of probabilities over a place; largest probability.
with actions as (
    select
        policy
        , context
        , position
        , action
        , count(*) as row_count
        , count(case when not coalesce(isfinite(probability) and probability between 0 and 1, false) then 1 end) as beyond
        , max(probability) as largest
        , min(probability) as probability
    from offline_policies
    group by policy, context, position, action
),

places as (
    select
        policy
        , context
        , position
        , sum(row_count) as row_count
        , sum(row_count - 1) as repeated
        , sum(beyond) as beyond
        , sum(case when action is null then row_count else 0 end) as unnamed
        , max(largest) as largest
{% for sum in sums %}
        , {{ sum.value }} as {{ sum.name }}
{% endfor %}
    from actions
    group by policy, context, position
)

select
    policy
    , count(*) as places
    , sum(row_count) as row_count
    , sum(repeated) as repeated
    , sum(beyond) as beyond
    , sum(unnamed) as unnamed
    , max(largest) as largest
    , min({% for sum in sums %}{{ sum.name }}{% if not loop.last %} + {% endif %}{% endfor %}) as least
    , max({% for sum in sums %}{{ sum.name }}{% if not loop.last %} + {% endif %}{% endfor %}) as most
from places
group by policy
order by policy
