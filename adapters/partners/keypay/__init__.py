"""KeyPay v3 and PayLater, as we call it and as it calls us: JSON under HMAC-SHA256, with a key for each direction."""
