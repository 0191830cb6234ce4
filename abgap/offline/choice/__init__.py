"""From the objective to a set of metrics, in seven steps: answers in, a recommendation with its reasons out.

No data are read and nothing is random: the same answers give the same recommendation, and every rule is a line that can
be read and disputed. A metric that a lazy solution satisfies is never recommended as the target.
"""

from __future__ import annotations

from abgap.offline.choice.answers import Answers, Audience, Costly, Goal, Objective, task_of
from abgap.offline.choice.recommending import Recommendation, recommend

__all__ = ["Answers", "Audience", "Costly", "Goal", "Objective", "Recommendation", "recommend", "task_of"]
