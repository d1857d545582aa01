"""Commands that train, export, get and publish models."""
