"""Filters and tags that every template has: sizes, rates, times, states."""

from django import template

register = template.Library()
