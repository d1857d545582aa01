"""Build floras, change them, and teach them plants."""
