"""Training data: photos and texts are sampled, augmented, and joined into batches."""
