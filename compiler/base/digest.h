// Digests that are the same on every platform: keys, program hashes, artifacts.
#ifndef LATHE_COMPILER_BASE_DIGEST_H_
#define LATHE_COMPILER_BASE_DIGEST_H_

#include <string>
#include <string_view>

namespace lathe {

// SHA-256 of `bytes` as 64 lower-case hexadecimal characters.
std::string Sha256Hex(std::string_view bytes);

// The same of bytes that come in parts.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void Update(std::string_view bytes);
  // Of all bytes so far; more may follow.
  std::string Hex() const;

 private:
  void* const context_;
};

}  // namespace lathe

#endif  // LATHE_COMPILER_BASE_DIGEST_H_
