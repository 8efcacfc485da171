"""The verbs of `sotto`, one a file; each imports what it needs when it runs."""
