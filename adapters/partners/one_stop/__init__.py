"""A province's one-stop system, as we call it: outcomes, filed dossiers and amendments, over SOAP or REST."""
