"""What every payment gateway shares: shaping and reading that are the same, whoever stands behind the page."""
