"""A province's one-stop system, as we call it: outcomes, dossiers, amendments, payments, signatures; SOAP or REST."""
