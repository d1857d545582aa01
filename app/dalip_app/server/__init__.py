"""The web server: HTTP API, access, uploads, and what runs behind it."""
