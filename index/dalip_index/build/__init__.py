"""Build and change floras, and teach them plants."""
