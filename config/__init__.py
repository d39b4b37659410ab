"""Which concrete pieces make up this installation?

Knows every room; no room knows it. Settings, wiring, tables and the command line.
"""
