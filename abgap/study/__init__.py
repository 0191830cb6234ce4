"""The study file: what it may say, how it is read and checked, and how a first one is written."""
