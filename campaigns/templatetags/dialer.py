"""Filters that write figures, numbers and times as DESIGN.md asks."""

from django import template

register = template.Library()
