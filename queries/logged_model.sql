-- purpose: The reward expected of an action in a position, learnt from all folds but one.
-- takes: the parts of the sum of reward, compiled in.
-- reads: logged_cells, logged_levels.
-- gives: one row per position x action x fold, for every action seen in the position: expected, its mean reward there in
--        the other folds (that of the position where they do not have it).
with actions as (
    select
        position
        , action
        , sum(decisions) as decisions
{% for part in parts %}
        , sum({{ part }}) as {{ part }}
{% endfor %}
    from logged_cells
    group by position, action
),

others as (
    select
        a.position
        , a.action
        , v.fold
        , v.expected
        , a.decisions - coalesce(c.decisions, 0) as decisions
{% for part in parts %}
        , a.{{ part }} - coalesce(c.{{ part }}, 0) as {{ part }}
{% endfor %}
    from actions as a
    join logged_levels as v on v.position = a.position
    left join logged_cells as c on c.position = a.position and c.action = a.action and c.fold = v.fold
)

select
    position
    , action
    , fold
    , case
        when decisions > 0
            then ({% for part in parts %}{{ part }}{% if not loop.last %} + {% endif %}{% endfor %}) / decisions
        else expected
    end as expected
from others
