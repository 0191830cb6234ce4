-- purpose: Rewards added up by position, action and fold: what the reward model of the doubly robust estimate is made of.
-- takes: the grids of the exact sums, compiled in.
-- reads: logged_decisions.
-- gives: one row per position x action x fold: decisions, and the parts of the exact sum of reward.
select
    position
    , action
    , fold
    , count(*) as decisions
{% for sum in sums %}
    , {{ sum.value }} as {{ sum.name }}
{% endfor %}
from logged_decisions
group by position, action, fold
