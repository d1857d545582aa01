"""Regions: which plants occur where, from distributions and occurrence records that the user adds."""
