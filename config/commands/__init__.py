"""The commands of `lienthong`, one module a group. Each is thin: it calls one room and says what came of it.

What a command needs is imported inside it, so that `--help` and a quick look cost no more than they must.
"""
