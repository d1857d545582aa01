"""What people touch: the commands `dalip` and `dalip-app`, and the web page. Importing it loads no torch."""
