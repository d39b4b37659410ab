"""A province's one-stop system, as we call it: outcomes, filed dossiers, amendments, payments, by SOAP or REST."""
