"""How good a flora is: accuracy, calibration, coverage and rejection."""
