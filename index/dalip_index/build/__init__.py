"""Floras built, changed and taught."""
