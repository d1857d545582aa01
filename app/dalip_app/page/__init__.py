"""The web page, built with Gradio: one module per tab or form."""
