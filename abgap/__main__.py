"""``python -m abgap`` is the same as ``abgap``."""

from abgap.cli.main import command_line

command_line()
