"""Pretrained image and text towers: found by name, created, loaded, and rebuilt from a run or a bundle."""
