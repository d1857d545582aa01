"""Regions on the command line: `dalip region`, and the options `--region` and `--near`."""
