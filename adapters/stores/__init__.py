"""Where documents are kept by reference. So far one folder, for what the portal sends inline."""
