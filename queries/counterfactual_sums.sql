-- purpose: What each target policy would have earned: the exact sums of weighted rewards and of their products.
-- takes: the decisions, the policies and the keys they depend on; how decisions become units; the sums and their grids,
--        compiled in; $clip, where weights are cut.
-- reads: logged_decisions or mixture_decisions, the policies, policy_expected, logged_model.
-- gives: one row per policy: units (requests, or decisions), decisions, cut (weight above the clip), largest_weight, and the
--        parts of the exact sums: of columns and products over units, of squared weights and of what is unsupported.
with decided as (
    select
        e.policy
        , d.request
        , d.reward
        , coalesce(p.probability, 0) / d.propensity as weight
        , m.expected
        , {% for part in expected %}e.{{ part }}{% if not loop.last %} + {% endif %}{% endfor %} as policy_expected
        , {% for part in unsupported %}e.{{ part }}{% if not loop.last %} + {% endif %}{% endfor %} as unsupported
    from {{ decisions }} as d
    join policy_expected as e
        on e.position = d.position
        and e.fold = d.fold
        and e.context is not distinct from d.context
    join logged_model as m on m.position = d.position and m.action = d.action and m.fold = d.fold
    left join {{ policies }} as p
        on p.policy = e.policy
        and p.action = d.action
{% for key in keys %}
        and p.{{ key }} = d.{{ key }}
{% endfor %}
),

weighed as (
    select
        policy
        , request
        , 1 as decisions
        , reward
        , weight
        , weight * reward as weighted
        , least(weight, $clip) * reward as clipped
        , policy_expected + weight * (reward - expected) as doubly
        , weight * weight as squared_weight
        , unsupported
        , case when weight > $clip then 1 else 0 end as cut
        , weight as largest_weight
    from decided
){% if by_request %},

parts as (
    select
        policy
        , request
        , count(*) as decisions
        , sum(cut) as cut
        , max(largest_weight) as largest_weight
{% for sum in inner %}
        , {{ sum.value }} as {{ sum.name }}
{% endfor %}
    from weighed
    group by policy, request
),

unit_sums as (
    select
        policy
        , decisions
        , cut
        , largest_weight
{% for column in columns %}
        , {% for part in column.parts %}{{ part }}{% if not loop.last %} + {% endif %}{% endfor %} as {{ column.name }}
{% endfor %}
    from parts
){% endif %}


select
    policy
    , count(*) as units
    , sum(decisions) as decisions
    , sum(cut) as cut
    , max(largest_weight) as largest_weight
{% for sum in sums %}
    , {{ sum.value }} as {{ sum.name }}
{% endfor %}
from {{ units }}
group by policy
order by policy
