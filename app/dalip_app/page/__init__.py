"""The web page, made with Gradio: one file for each tab or form."""
