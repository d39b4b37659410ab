"""What every remote signing service shares: the walk from a certificate to a value, whoever holds the key."""
