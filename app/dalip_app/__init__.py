"""The user interface: commands, web page, HTTP API, and the messages that they show."""
