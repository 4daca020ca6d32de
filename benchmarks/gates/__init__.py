"""What the attention modules of trained networks do, and whether the networks use them.

`measure` gathers the gates over a set of images, `replace` puts their means in their place,
`comparison` asks what that costs in accuracy, and `files` and `drawing` show it.
"""
