"""The VNeID central signing gateway, as we call it and as it calls us: JSON under a token and an HMAC of ours."""
