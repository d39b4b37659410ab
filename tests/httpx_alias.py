"""An early pytest plugin: gives httpx2 the name httpx, so that respx sees every call.

Loaded with `-p` because respx imports httpx before any conftest runs; an alias made later is refused.
"""

import httpx2

httpx2.alias_httpx()
