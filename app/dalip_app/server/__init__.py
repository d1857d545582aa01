"""The web server: HTTP API, access control, uploads, and background work."""
