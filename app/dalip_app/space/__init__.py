"""Write a folder that runs as a Space of Hugging Face."""
