"""Signing at an official's desk: the agent of the public-duty PKI beside his browser, and what we promise it."""
