"""Ranking metrics out of raw rankings and judgements: values per query, ties, lazy rankers, other definitions."""
