"""Names of taxa from people and lists: read lists and checklists, resolve names, match misspelt ones."""
