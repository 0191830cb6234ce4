"""``python -m abgap`` is the same as ``abgap``."""

from abgap.cli.main import main

main()
