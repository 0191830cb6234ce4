-- purpose: The mean reward of a position in all folds but one: what is expected of an action that was not seen there.
-- takes: the parts of the sum of reward, compiled in.
-- reads: logged_cells.
-- gives: one row per position x fold: expected (of all positions where the other folds do not have this one).
with in_fold as (
    select
        position
        , fold
        , sum(decisions) as decisions
{% for part in parts %}
        , sum({{ part }}) as {{ part }}
{% endfor %}
    from logged_cells
    group by position, fold
),

in_position as (
    select
        position
        , sum(decisions) as decisions
{% for part in parts %}
        , sum({{ part }}) as {{ part }}
{% endfor %}
    from in_fold
    group by position
),

folds as (
    select
        fold
        , sum(decisions) as decisions
{% for part in parts %}
        , sum({{ part }}) as {{ part }}
{% endfor %}
    from in_fold
    group by fold
),

whole as (
    select
        sum(decisions) as decisions
{% for part in parts %}
        , sum({{ part }}) as {{ part }}
{% endfor %}
    from in_fold
),

others as (
    select
        p.position
        , f.fold
        , p.decisions - coalesce(i.decisions, 0) as here
        , w.decisions - f.decisions as anywhere
{% for part in parts %}
        , p.{{ part }} - coalesce(i.{{ part }}, 0) as {{ part }}
{% endfor %}
        , {% for part in parts %}(w.{{ part }} - f.{{ part }}){% if not loop.last %} + {% endif %}{% endfor %} as total
    from in_position as p
    cross join folds as f
    cross join whole as w
    left join in_fold as i on i.position = p.position and i.fold = f.fold
)

select
    position
    , fold
    , case
        when here > 0 then ({% for part in parts %}{{ part }}{% if not loop.last %} + {% endif %}{% endfor %}) / here
        when anywhere > 0 then total / anywhere
        else 0
    end as expected
from others
