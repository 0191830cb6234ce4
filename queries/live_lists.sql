-- purpose: The metrics of served lists, request by request, as what is added up by unit.
-- takes: the table of what was served, what it is broken down by, the values per request, those with offline scores (or
--        none), and the terms, compiled in.
-- reads: the table of what was served, live_requests, the tables of values.
-- gives: one row per judged request: place, part, unit, and one column per term.
select
    s.place
    , {{ part }} as part
    , s.unit
{% for term in terms %}
    , {{ term.value }} as {{ term.name }}
{% endfor %}
from {{ served }} as s
join live_requests as q on q.model = s.model and q.request = s.request
join {{ values }} as v on v.query = q.run
{% if base %}
join {{ base }} as b on b.query = q.run and b.retrieved is not null
{% endif %}
where s.place is not null and s.is_old = 1
