"""Evaluation of a flora: accuracy, calibration, coverage and rejection."""
