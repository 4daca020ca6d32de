"""From raw facial-expression photographs to a prepared dataset folder.

``sources`` reads each dataset's raw layout, ``prepare`` turns what it yields into a folder of
``images.npy``, ``index.csv`` and ``manifest.json``, ``dataset`` opens that folder and ``splits``
divides it. The command line is ``python -m preprocessing.run``.
"""
