"""What a run learns from: its photos and texts, drawn, changed and joined into batches."""
