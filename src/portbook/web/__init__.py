"""The site: a page for every port, its API, a panel of this machine, and what readers say.

Nothing here is loaded by the command line but by ``portbook serve``, ``export`` and ``feedback``.
"""
