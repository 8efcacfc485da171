"""Custom words: a corpus and a recipe from a few recordings, or from none."""
