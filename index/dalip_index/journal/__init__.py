"""The user's observations, their exchange formats, and what they can teach a flora."""
