"""The files of a flora: versions, manifest, catalogue, vectors and kept photos."""
