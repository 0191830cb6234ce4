"""All experiments together: do offline gains turn into money, which metric deserves trust, what did launching earn.

``data.py`` is what everything here is given; each question has a module of its own; ``analysis.py`` puts the answers
together. Statistics stand in ``abgap.stats.portfolio``.
"""

from __future__ import annotations
