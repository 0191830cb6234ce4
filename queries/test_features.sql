-- purpose: The features of the test set's examples, each as if it were a score.
-- takes: the features with their places, and the mapping of example and truth, compiled in.
-- reads: the source of [offline.predictions].
-- gives: place, unit (the example), y_true, score (the feature).
{% for feature in features %}
{% if not loop.first %}
union all
{% endif %}
select distinct
    {{ feature.name }} as place
    , {{ example }} as unit
    , {{ y_true }} as y_true
    , cast({{ feature.value }} as double) as score
from {{ source }}
where {{ y_true }} is not null and {{ feature.value }} is not null
{% endfor %}
