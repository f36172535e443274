"""Measurements of the product beside bare anchors on the same machine, a minute apart: `make bench`.

A goal is always a ratio; an absolute number says more about the machine. Later parts add themselves in `parts.py`.
"""
