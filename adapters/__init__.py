"""How does this partner want to be spoken to?

The only room that knows protocols: channels carry bytes, partners shape and read them, doors let callers in.
"""
