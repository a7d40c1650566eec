"""The truth about every port number: what the registry says, what listens, and the verdict.

>>> import portbook
>>> portbook.__version__.count(".")
2
"""

__version__ = "0.1.0"
