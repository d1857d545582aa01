"""A flora on disk: versions, manifest, catalogue, vectors and kept photos."""
