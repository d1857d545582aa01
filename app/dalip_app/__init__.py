"""What people touch: the commands, the web page and HTTP API, and the texts of all of them."""
