"""Words that are spoken for the class `_unknown_`."""

CONFUSABLE_WORDS = (
    *("yet", "guess", "yesterday", "chess", "jet"),
    *("now", "nose", "not", "snow", "note"),
    *("cup", "app", "hop", "upper", "pup"),
    *("town", "brown", "dawn", "done", "dawdle"),
    *("lift", "laugh", "lest", "leaf", "cleft"),
    *("light", "rate", "rat", "bright", "riot"),
    *("an", "in", "own", "once", "honour"),
    *("of", "cough", "often", "offer", "soft"),
    *("top", "step", "stock", "shop", "stuff"),
    *("goat", "grow", "gold", "though", "cargo"),
)
"""Sound close to common commands: yes, no, up, down, left, right, on, off, stop, go."""

PLAIN_WORDS = (
    *("bed", "bird", "cat", "dog", "happy", "house", "tree", "learn", "visual", "follow"),
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("water", "people", "morning", "question", "music", "window", "paper", "garden", "letter"),
    *(
        "answer",
        "because",
        "yellow",
        "machine",
        "summer",
        "kitchen",
        "together",
        "number",
        "please",
    ),
)
"""Everyday words, some of them in Speech Commands as well."""
