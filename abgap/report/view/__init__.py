"""The view model: all words, tables and pictures of a report, decided once for every form it takes."""

from abgap.report.view.build import view_of
from abgap.report.view.limits import LADDER, MOST_BYTES, Limits
from abgap.report.view.model import ReportView

__all__ = ["LADDER", "MOST_BYTES", "Limits", "ReportView", "view_of"]
