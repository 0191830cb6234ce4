"""The score card of the diagnosis itself: how often planted reasons are found, and absent ones are not.

``python -m abgap.lab.diagnosis`` runs every scenario of the lab many times through the code of ``abgap gap``, and
writes docs/diagnosis.md, its picture and the record that both are made from.
"""
