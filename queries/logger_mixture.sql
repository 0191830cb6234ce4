-- purpose: With which probability an action is chosen by the logging policies together, each by its share of the log.
-- takes: the keys that policies depend on and the grids of the exact sum, compiled in.
-- reads: offline_policies, logger_shares (logger, share).
-- gives: one row per key: the parts of the exact sum of share x probability.
select
    p.action
{% for key in keys %}
    , p.{{ key }}
{% endfor %}
{% for sum in sums %}
    , {{ sum.value }} as {{ sum.name }}
{% endfor %}
from offline_policies as p
join logger_shares as s on s.logger = p.policy
group by p.action{% for key in keys %}, p.{{ key }}{% endfor %}
