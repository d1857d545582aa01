"""The photo library: the user's own photos, indexed for search."""
