-- purpose: The predictions that can be evaluated: those that have a truth and a prediction.
-- takes: the columns of truth and prediction, compiled in.
-- reads: all_predictions.
-- gives: its rows and columns.
select *
from all_predictions
where
    {{ truth }} is not null
    and {{ prediction }} is not null
