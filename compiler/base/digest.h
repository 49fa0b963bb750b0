// Digests that are the same on every platform: keys, program hashes, artifacts.
#ifndef LATHE_COMPILER_BASE_DIGEST_H_
#define LATHE_COMPILER_BASE_DIGEST_H_

#include <string>
#include <string_view>

namespace lathe {

// SHA-256 of `bytes` as 64 lower-case hexadecimal characters.
std::string Sha256Hex(std::string_view bytes);

}  // namespace lathe

#endif  // LATHE_COMPILER_BASE_DIGEST_H_
