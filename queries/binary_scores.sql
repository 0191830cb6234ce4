-- purpose: Scores and labels of what is kept apart, and the bin that each score lies in.
-- takes: whether models are several, the slice that is looked at (or none), and a bin of the score (or none), compiled in.
-- reads: predictions.
-- gives: y_true, y_score, and where they are wanted model, part (the value of the slice, null where it is not known)
--        and bin.
select
    y_true
    , y_score
{% if by_model %}
    , model
{% endif %}
{% if slice %}
    , {{ slice }} as part
{% endif %}
{% if bin %}
    , {{ bin }} as bin
{% endif %}
from predictions
