"""The commands `dalip` and `dalip-app`."""
