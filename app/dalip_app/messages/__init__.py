"""Message catalogues (Fluent) in English and French, and the wording of answers and errors."""
