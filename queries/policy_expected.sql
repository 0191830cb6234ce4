-- purpose: The reward expected of each target policy in each place of the log, and how much of it the log never tries.
-- takes: the policies, the keys they depend on and the grids of the exact sums, compiled in.
-- reads: logged_decisions, logged_model, logged_levels, the policies.
-- gives: one row per policy x context x position x fold that it says something of: the parts of the exact sums of
--        expected and unsupported (probability of actions that were never seen in the position).
with places as (
    select distinct
        context
        , position
        , fold
    from logged_decisions
),

chosen as (
    select
        p.policy
        , d.context
        , d.position
        , d.fold
        , p.probability * coalesce(m.expected, v.expected) as expected
        , case when m.action is null then p.probability else 0 end as unsupported
    from places as d
    join {{ policies }} as p on 1 = 1{% for key in keys %} and p.{{ key }} = d.{{ key }}{% endfor %}

    join logged_levels as v on v.position = d.position and v.fold = d.fold
    left join logged_model as m on m.position = d.position and m.action = p.action and m.fold = d.fold
)

select
    policy
    , context
    , position
    , fold
{% for sum in sums %}
    , {{ sum.value }} as {{ sum.name }}
{% endfor %}
from chosen
group by policy, context, position, fold
