"""The page of the portfolio: what a leader reads in a minute, and folded behind it what an analyst checks.

``page.py`` puts it together; ``facts.py`` and ``tables.py`` hold what the terminal prints too; ``picture.py`` draws the
first pair; ``details.py`` fills the folds.
"""

from __future__ import annotations

from abgap.report.view.portfolio.page import portfolio_of

__all__ = ["portfolio_of"]
