"""Published and computed vectors: what any correct implementation of RFC 9421 and RFC 9530 gives."""

from __future__ import annotations

import base64

RFC9421_B25_KEY = base64.b64decode(
    "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ=="
)
RFC9421_B25_BASE = (
    b'"date": Tue, 20 Apr 2021 02:07:55 GMT\n"@authority": example.com\n"content-type": application/json\n'
    b'"@signature-params": ("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"'
)
RFC9421_B25_MAC = "pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8="

CALLBACK_KEY = b"demo-rfc9421-shared-secret"
CALLBACK_BODY = b'{"MaLoi":"00","MaThamChieu":"TT260115000000000701"}'
CALLBACK_DIGEST = "kZ9xUhhYTxkcvCifgv7346E8Nq6FiJpgURGcAlKjVl4="
CALLBACK_BASE = (
    b'"@method": POST\n"@path": /tich-hop/thanh-toan/ket-qua\n"content-type": application/json\n'
    b'"content-digest": sha-256=:kZ9xUhhYTxkcvCifgv7346E8Nq6FiJpgURGcAlKjVl4=:\n'
    b'"@signature-params": ("@method" "@path" "content-type" "content-digest");created=1768462205;'
    b'expires=1768462505;nonce="n-0001";keyid="tinh-demo-1";alg="hmac-sha256"'
)
CALLBACK_MAC = "MwVoXmYswtzAQgtEzsLFPQVXbaPKUgavMsR0Rhmizho="

CONTENT_DIGESTS = [
    (b'{"hello": "world"}', "X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE="),
    (CALLBACK_BODY, CALLBACK_DIGEST),
]

RFC8032_SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
RFC8032_EMPTY = base64.urlsafe_b64decode(
    "5VZDAMNgrHKQhuLMgG6CioSHfx645dl02HPgZSJJAVVfuIIVkKM7rMYeOXAc-bRr0lv18FlbviRlUUFDjnoQCw=="
)
