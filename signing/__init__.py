"""Who signed exactly these bytes?

Signing never learns what a status event is: bytes in, bytes out.
"""
