"""Photos of every kind: opened, turned upright, and what they say of themselves. Nothing else opens image files."""
