"""A signing service over SOAP, of which only our own reconstruction is known (contracts/soap_signer/NOTES.md)."""
