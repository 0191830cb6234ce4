-- purpose: What each logging policy earned in each position, as it was.
-- takes: the grids of the exact sums, compiled in.
-- reads: logged_decisions.
-- gives: one row per logger x position: decisions, and the parts of the exact sums of reward and its square.
select
    logger
    , position
    , count(*) as decisions
{% for sum in sums %}
    , {{ sum.value }} as {{ sum.name }}
{% endfor %}
from logged_decisions
group by logger, position
order by logger, position
