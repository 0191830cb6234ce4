-- purpose: What was served, with the period of days that quality is followed over.
-- takes: the table of what was served, compiled in.
-- reads: the table of what was served, live_periods (place, day, period).
-- gives: the rows of arms' own models that are old enough, with period (the first day of it, as text).
select
    s.*
    , d.period
from {{ served }} as s
join live_periods as d on d.place = s.place and d.day = s.day
where s.is_old = 1
