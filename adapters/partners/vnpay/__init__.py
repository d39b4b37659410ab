"""VNPAY 2.1.0: a signed address for the citizen, a notification by GET, questions and refunds as JSON; HMAC-SHA512."""
