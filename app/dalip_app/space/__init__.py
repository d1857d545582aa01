"""Write a folder that runs as a Hugging Face Space."""
