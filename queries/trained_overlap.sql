-- purpose: How many examples of the test set a model has learnt from.
-- takes: the tested examples, the column of the training set that names the model (or none), and that of the example,
--        compiled in.
-- reads: the tested examples (model, example), the source of [offline.trained_on].
-- gives: one row per model: examples (of the test set), trained (those that are in its training set).
with learnt as (
    select distinct
        {{ example }} as example
{% if model %}
        , {{ model }} as model
{% endif %}
    from {{ source }}
)

, tested as (
    select distinct
        model
        , {{ tested_example }} as example
    from {{ tested }}
)

select
    p.model
    , count(*) as examples
    , count(t.example) as trained
from tested as p
left join learnt as t on t.example = p.example{% if model %} and t.model = p.model{% endif %}

group by p.model
order by p.model
