"""Identify plants with a flora: similarities, calibration, verdicts, prediction sets, hazards, heat maps."""
