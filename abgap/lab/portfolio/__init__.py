"""Past experiments whose truth is known: do the numbers of the portfolio find it, and do their intervals hold it?

``python -m abgap.lab.portfolio`` draws worlds of experiments straight as effects with their errors, asks everything of
them that ``abgap portfolio`` is asked, and writes docs/portfolio.md and the record it is made from.
"""
