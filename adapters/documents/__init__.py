"""Documents that are signed: brought here from allowed hosts, looked through, kept, handed out by signed addresses."""
