"""What turns a network into a trained one, each part in a module of its own.

`sampling` draws the rows of an epoch, `augmentation` changes images and labels, `losses`,
`distillation` and `objective` say what is minimised, `graph` puts them around a network, and
`schedules`, `freezing` and `sam` say how. Nothing is imported here: `sampling` and `known` need no
Keras.
"""
