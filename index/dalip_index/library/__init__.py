"""The user's own photos, indexed for search."""
