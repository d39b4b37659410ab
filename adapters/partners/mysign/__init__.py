"""Viettel MySign, as we call it and as it calls us: JSON under a token for each signer, who agrees on a phone."""
