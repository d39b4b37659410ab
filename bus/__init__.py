"""What has happened to this event, and what comes next?

The bus knows events, deliveries and the ledger; it never learns that SOAP, HTTP or a partner's codes exist.
Exports nothing, runs nothing: read `messages.py` first.
"""
