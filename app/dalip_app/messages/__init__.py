"""What is said to people: the catalogue of texts, and the wording of answers and errors."""
