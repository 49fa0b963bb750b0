#include "cli/npy.h"

#include <cstring>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "compiler/base/check.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"

namespace lathe::cli {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";

struct TypeName {
  ScalarType type;
  std::string_view descr;
};
constexpr TypeName kTypes[] = {
    {ScalarType::kF64, "<f8"}, {ScalarType::kF32, "<f4"},  {ScalarType::kF16, "<f2"},
    {ScalarType::kI64, "<i8"}, {ScalarType::kI32, "<i4"},  {ScalarType::kI8, "|i1"},
    {ScalarType::kU8, "|u1"},  {ScalarType::kBool, "|b1"}, {ScalarType::kBF16, "<V2"},
};

// The text between `open` and `close` after 'key': in the header's dict.
std::optional<std::string_view> Field(std::string_view header, std::string_view key, char open,
                                      char close) {
  size_t at = header.find(key);
  if (at == std::string_view::npos) return std::nullopt;
  at = header.find(open, header.find(':', at));
  if (at == std::string_view::npos) return std::nullopt;
  size_t end = header.find(close, at + 1);
  if (end == std::string_view::npos) return std::nullopt;
  return header.substr(at + 1, end - at - 1);
}

}  // namespace

absl::StatusOr<TensorValue> ParseNpy(std::string_view bytes, const std::string& name) {
  auto malformed = [&](const std::string& why) {
    return absl::InvalidArgumentError(absl::StrCat(name, " is no usable .npy file: ", why));
  };
  if (!bytes.starts_with(kMagic) || bytes.size() < 12) return malformed("no NumPy header");
  int major = bytes[6];
  if (major != 1 && major != 2) return malformed("format version is not 1 or 2");
  size_t prefix = major == 1 ? 10 : 12;
  size_t length = 0;
  for (size_t i = prefix; i-- > 8;) length = length << 8 | static_cast<unsigned char>(bytes[i]);
  if (length > bytes.size() - prefix) return malformed("its header is cut off");
  std::string_view header = bytes.substr(prefix, length);
  std::string_view data = bytes.substr(prefix + length);

  TensorValue value;
  auto descr = Field(header, "'descr'", '\'', '\'');
  auto shape = Field(header, "'shape'", '(', ')');
  if (!descr || !shape) return malformed("its header lacks descr or shape");
  bool known = false;
  for (const TypeName& type : kTypes) {
    if (type.descr.substr(1) != descr->substr(descr->empty() ? 0 : 1)) continue;
    if (descr->front() == '>') return malformed("it is big-endian");
    value.type = type.type;
    known = true;
  }
  if (!known) return malformed(absl::StrCat("its type is ", std::string(*descr)));
  if (header.find("'fortran_order': True") != std::string_view::npos) {
    return malformed("it is in Fortran order; save numpy.ascontiguousarray(x)");
  }
  uint64_t elements = 1;
  for (absl::string_view word : absl::StrSplit(ToAbsl(*shape), ',', absl::SkipWhitespace())) {
    int64_t extent;
    if (!absl::SimpleAtoi(word, &extent) || extent < 0) return malformed("its shape is unreadable");
    value.shape.push_back(extent);
    if (extent > 0 && elements > data.size() / static_cast<uint64_t>(extent)) {
      return malformed("it holds fewer bytes than its shape needs");
    }
    elements *= static_cast<uint64_t>(extent);
  }
  size_t wanted = elements * static_cast<size_t>(ByteSize(value.type));
  if (data.size() != wanted) {
    return malformed(
        absl::StrCat("it holds ", data.size(), " bytes of data, its shape needs ", wanted));
  }
  value.bytes.resize(wanted);
  std::memcpy(value.bytes.data(), data.data(), wanted);
  return value;
}

std::string ToNpy(const TensorValue& value) {
  std::string_view descr;
  for (const TypeName& type : kTypes) {
    if (type.type == value.type) descr = type.descr;
  }
  CHECK(!descr.empty()) << "no NumPy type for " << Name(value.type);
  std::string shape = absl::StrJoin(value.shape, ", ");
  if (value.shape.size() == 1) shape += ",";
  std::string header = absl::StrCat("{'descr': '", std::string(descr),
                                    "', 'fortran_order': False, 'shape': (", shape, "), }");
  // The data starts at a multiple of 64 bytes.
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  std::string bytes(kMagic);
  bytes += {'\x01', '\x00'};
  bytes += static_cast<char>(header.size() & 255);
  bytes += static_cast<char>(header.size() >> 8);
  bytes += header;
  bytes.append(reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size());
  return bytes;
}

}  // namespace lathe::cli
