// UUIDs as text and as the 16 bytes that are stored.
#ifndef LATHE_DATABASE_UUID_H_
#define LATHE_DATABASE_UUID_H_

#include <optional>
#include <string>
#include <string_view>

namespace lathe {

// 16 bytes of "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx" (lower case only, so that
// a UUID has one text); nullopt for anything else.
std::optional<std::string> UuidToBytes(std::string_view text);
// `bytes` must have 16 bytes.
std::string UuidToText(std::string_view bytes);

// Lower-case hexadecimal of even length and its bytes.
std::optional<std::string> HexToBytes(std::string_view hex);
std::string BytesToHex(std::string_view bytes);

}  // namespace lathe

#endif  // LATHE_DATABASE_UUID_H_
