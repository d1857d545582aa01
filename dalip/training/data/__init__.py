"""The data of training: which photos and texts are drawn, augmented, and joined into batches."""
