"""Setting up the environment and the console with nothing but Python's standard library.

Everything here runs before any dependency is installed, so it imports nothing outside the standard library.
"""
