"""Augmentations that Keras lacks, or has in another form than the papers; a file each."""
