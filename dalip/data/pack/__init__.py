"""From photos as people have them to WebDataset shards that can be trained on and built from. Loads no torch."""
