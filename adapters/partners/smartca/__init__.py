"""VNPT SmartCA: consent in the signer's phone, its interface \"769\"."""
