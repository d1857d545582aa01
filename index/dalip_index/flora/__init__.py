"""Answer from a flora: similarities, calibrated probabilities, verdicts, prediction sets, hazards, heat maps."""
