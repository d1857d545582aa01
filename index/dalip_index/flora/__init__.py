"""A flora in use: similarities, probabilities, verdicts, sets, look-alikes and cautions."""
