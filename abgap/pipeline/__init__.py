"""Runs the stages in order and puts their findings together."""
