# The part of pycurl that Pulse uses: the library has no types of its own.
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

class error(Exception): ...

class CurlSockAddr(NamedTuple):
    family: int
    socktype: int
    protocol: int
    addr: tuple[str, int] | tuple[str, int, int, int] | bytes

Value: TypeAlias = int | str | bytes | Sequence[str] | Sequence[bytes] | Callable[..., object]

class Curl:
    def setopt(self, option: int, value: Value) -> None: ...
    def getinfo_raw(self, info: int) -> object: ...
    def reset(self) -> None: ...
    def close(self) -> None: ...

class CurlMulti:
    def setopt(self, option: int, value: Callable[..., object] | int) -> None: ...
    def add_handle(self, curl: Curl) -> None: ...
    def remove_handle(self, curl: Curl) -> None: ...
    def socket_action(self, fd: int, events: int) -> tuple[int, int]: ...
    def info_read(self) -> tuple[int, list[Curl], list[tuple[Curl, int, str]]]: ...
    def close(self) -> None: ...

SOCKET_BAD: int
SOCKET_TIMEOUT: int
POLL_IN: int
POLL_OUT: int
POLL_INOUT: int
POLL_REMOVE: int
CSELECT_IN: int
CSELECT_OUT: int
CSELECT_ERR: int
M_SOCKETFUNCTION: int
M_TIMERFUNCTION: int

ACCEPT_ENCODING: int
CAINFO: int
CUSTOMREQUEST: int
FORBID_REUSE: int
FRESH_CONNECT: int
HTTPHEADER: int
HTTP_VERSION: int
CURL_HTTP_VERSION_1_1: int
NOBODY: int
NOSIGNAL: int
OPENSOCKETFUNCTION: int
OPT_CERTINFO: int
POSTFIELDS: int
PROTOCOLS: int
PROTO_HTTP: int
PROTO_HTTPS: int
PROXY: int
RESOLVE: int
SSL_SESSIONID_CACHE: int
SSL_VERIFYHOST: int
SSL_VERIFYPEER: int
TIMEOUT_MS: int
URL: int
USERAGENT: int
WRITEFUNCTION: int

APPCONNECT_TIME_T: int
CONNECT_TIME_T: int
INFO_CERTINFO: int
NAMELOOKUP_TIME_T: int
OS_ERRNO: int
REDIRECT_URL: int
RESPONSE_CODE: int
SSL_VERIFYRESULT: int
STARTTRANSFER_TIME_T: int
TOTAL_TIME_T: int

E_BAD_CONTENT_ENCODING: int
E_COULDNT_CONNECT: int
E_COULDNT_RESOLVE_HOST: int
E_GOT_NOTHING: int
E_OPERATION_TIMEDOUT: int
E_PARTIAL_FILE: int
E_PEER_FAILED_VERIFICATION: int
E_RECV_ERROR: int
E_SSL_CACERT: int
E_SSL_CIPHER: int
E_SSL_CONNECT_ERROR: int
E_UNSUPPORTED_PROTOCOL: int
E_WRITE_ERROR: int
E_FTP_WEIRD_SERVER_REPLY: int
E_HTTP2: int
E_TOO_LARGE: int
E_SSL_CACERT_BADFILE: int
E_SSL_SHUTDOWN_FAILED: int
E_SSL_INVALIDCERTSTATUS: int
E_SSL_ISSUER_ERROR: int
E_SSL_CLIENTCERT: int
E_SSL_CERTPROBLEM: int
E_SSL_PINNEDPUBKEYNOTMATCH: int
E_URL_MALFORMAT: int
E_WEIRD_SERVER_REPLY: int
E_HTTP2_STREAM: int
E_SSL_ENGINE_INITFAILED: int
E_SSL_CRL_BADFILE: int
E_FILESIZE_EXCEEDED: int
E_OK: int
