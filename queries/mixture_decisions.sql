-- purpose: The logged decisions with the propensity of all logging policies together (balance heuristic).
-- takes: the keys that policies depend on and the parts of the mixture, compiled in.
-- reads: logged_decisions, logger_mixture.
-- gives: the columns of logged_decisions; propensity is null where no policy of the log knows the action.
select
    d.request
    , d.context
    , d.action
    , d.position
    , d.logger
    , d.reward
    , {% for part in parts %}m.{{ part }}{% if not loop.last %} + {% endif %}{% endfor %} as propensity
    , d.fold
from logged_decisions as d
left join logger_mixture as m on m.action = d.action{% for key in keys %} and m.{{ key }} = d.{{ key }}{% endfor %}
