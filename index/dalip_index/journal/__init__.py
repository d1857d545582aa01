"""The journal: the user's observations, export and import, and teaching a flora from them."""
