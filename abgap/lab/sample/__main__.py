"""Prints the truth of the sample data, as it stands in ``sample_data/truth.json``."""

import sys

from abgap.lab.sample.truthfile import as_json

sys.stdout.write(as_json())
