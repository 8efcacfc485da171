"""From files on disk to arrays of clips: readers, corpus, splits, augmentation, synthesis."""
