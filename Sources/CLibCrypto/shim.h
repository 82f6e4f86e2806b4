// Of OpenSSL's libcrypto, which libssh2 needs in any case, the checksums.

#include <openssl/sha.h>
