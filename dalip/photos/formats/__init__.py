"""The image formats: recognise them, read their structure without Pillow, and estimate what decoding costs."""
