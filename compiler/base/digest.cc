#include "compiler/base/digest.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "compiler/base/check.h"

namespace lathe {
namespace {

std::string ToHex(const unsigned char (&digest)[SHA256_DIGEST_LENGTH]) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * sizeof(digest));
  for (unsigned char byte : digest) {
    hex.push_back(kDigits[byte >> 4]);
    hex.push_back(kDigits[byte & 15]);
  }
  return hex;
}

EVP_MD_CTX* Context(void* context) { return static_cast<EVP_MD_CTX*>(context); }

}  // namespace

std::string Sha256Hex(std::string_view bytes) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest);
  return ToHex(digest);
}

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  CHECK(context_ != nullptr);
  CHECK_EQ(EVP_DigestInit_ex(Context(context_), EVP_sha256(), nullptr), 1);
}

Sha256::~Sha256() { EVP_MD_CTX_free(Context(context_)); }

void Sha256::Update(std::string_view bytes) {
  CHECK_EQ(EVP_DigestUpdate(Context(context_), bytes.data(), bytes.size()), 1);
}

std::string Sha256::Hex() const {
  EVP_MD_CTX* copy = EVP_MD_CTX_new();
  CHECK(copy != nullptr);
  unsigned char digest[SHA256_DIGEST_LENGTH];
  CHECK_EQ(EVP_MD_CTX_copy_ex(copy, Context(context_)), 1);
  CHECK_EQ(EVP_DigestFinal_ex(copy, digest, nullptr), 1);
  EVP_MD_CTX_free(copy);
  return ToHex(digest);
}

}  // namespace lathe
