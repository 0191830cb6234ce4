-- purpose: The canonical view of the queries of offline evaluation.
-- takes: the study's column mapping of [offline.queries], compiled into the select list.
-- reads: the source of [offline.queries].
-- gives: query, unit (who asked it; text, null where it is not known) and the slices (text, null where they are not known).
select
    {{ query }} as query
    , {{ unit }} as unit
{% for slice in slices %}
    , {{ slice.value }} as {{ slice.name }}
{% endfor %}
from {{ source }}
