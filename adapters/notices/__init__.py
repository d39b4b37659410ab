"""Ways to people: what happened is told by e-mail or by a signed call, in their language, without personal data."""
