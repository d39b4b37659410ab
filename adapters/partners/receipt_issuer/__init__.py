"""An agency's provider of electronic receipts, over SOAP."""
