"""Prints docs/metrics.md: ``python -m abgap.offline.catalogue > docs/metrics.md``."""

from __future__ import annotations

import sys

from abgap.offline.catalogue.page import metrics_page

sys.stdout.write(metrics_page())
