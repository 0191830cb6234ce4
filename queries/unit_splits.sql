-- purpose: Units divided into two arms at random, once for every draw: what an A/A test compares.
-- takes: the slices and metric parts that are kept, the draw of a unit's number, the bound below which it goes to control,
--        and the names of both arms, compiled into the statement.
-- reads: split_units, split_draws.
-- gives: one row per unit and draw: experiment, variant (as drawn), draw, the slices, and the parts.
select
    u.experiment
    , case when {{ drawn }} < {{ bound }} then {{ control }} else {{ treatment }} end as variant
    , r.draw
{% for column in columns %}
    , u.{{ column }}
{% endfor %}
from split_units as u
cross join split_draws as r
