"""Towers to start from: created, found, loaded, and rebuilt without their origin."""
