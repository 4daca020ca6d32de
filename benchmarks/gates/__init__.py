"""Shows what the attention modules of trained networks do, and whether the networks use them.

`measure` collects the gates over a set of images, `replace` replaces them by their means,
`comparison` measures what that costs in accuracy, and `files` and `drawing` show the results.
"""
