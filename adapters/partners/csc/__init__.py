"""A remote signing service by the API of the Cloud Signature Consortium, v1 and v2 (contracts/csc/NOTES.md)."""
