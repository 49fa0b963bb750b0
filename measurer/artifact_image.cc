#include "measurer/artifact_image.h"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "compiler/base/status_macros.h"

namespace lathe {
namespace {

#if defined(__x86_64__)
constexpr uint16_t kMachine = EM_X86_64;
constexpr uint32_t kRelative = R_X86_64_RELATIVE;
#elif defined(__aarch64__)
constexpr uint16_t kMachine = EM_AARCH64;
constexpr uint32_t kRelative = R_AARCH64_RELATIVE;
#elif defined(__riscv)
constexpr uint16_t kMachine = EM_RISCV;
constexpr uint32_t kRelative = R_RISCV_RELATIVE;
#endif

constexpr uint64_t kMaxImageBytes = uint64_t{1} << 28;
// Segments must not share a page, whatever the machine's size of pages.
constexpr uint64_t kPage = 4096;

absl::Status Refuse(std::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("artifact refused: ", absl::string_view(why.data(), why.size())));
}

// Whether [offset, offset + size) lies in [0, limit).
bool Within(uint64_t offset, uint64_t size, uint64_t limit) {
  return offset <= limit && size <= limit - offset;
}

class Parser {
 public:
  explicit Parser(std::string_view bytes) : bytes_(bytes) {}

  absl::StatusOr<ArtifactImage> Parse() {
    RETURN_IF_ERROR(ReadHeader());
    RETURN_IF_ERROR(ReadSegments());
    RETURN_IF_ERROR(ReadDynamic());
    RETURN_IF_ERROR(ReadRelocations());
    RETURN_IF_ERROR(ReadSymbols());
    return std::move(image_);
  }

 private:
  // Copies a structure out of the file; false when it lies outside.
  template <typename T>
  bool ReadFile(uint64_t offset, T* out) const {
    if (!Within(offset, sizeof(T), bytes_.size())) return false;
    std::memcpy(out, bytes_.data() + offset, sizeof(T));
    return true;
  }

  // The same by address, from a segment's part that is in the file.
  template <typename T>
  bool ReadAddress(uint64_t address, T* out) const {
    for (const ImageSegment& s : image_.segments) {
      if (address < s.address || !Within(address - s.address, sizeof(T), s.file_bytes)) continue;
      return ReadFile(s.file_offset + (address - s.address), out);
    }
    return false;
  }

  absl::Status ReadHeader() {
    if (!ReadFile(0, &header_)) return Refuse("shorter than an ELF header");
    if (std::memcmp(header_.e_ident, ELFMAG, SELFMAG) != 0) return Refuse("not an ELF file");
    if (header_.e_ident[EI_CLASS] != ELFCLASS64 || header_.e_ident[EI_DATA] != ELFDATA2LSB) {
      return Refuse("not a 64-bit little-endian ELF file");
    }
    if (header_.e_type != ET_DYN) return Refuse("not a shared object");
    if (header_.e_machine != kMachine) return Refuse("made for another architecture");
    if (header_.e_phentsize != sizeof(Elf64_Phdr)) return Refuse("unknown program header size");
    return absl::OkStatus();
  }

  absl::Status ReadSegments() {
    for (uint64_t i = 0; i < header_.e_phnum; ++i) {
      Elf64_Phdr p;
      if (header_.e_phoff > bytes_.size() ||
          !ReadFile(header_.e_phoff + i * sizeof(Elf64_Phdr), &p)) {
        return Refuse("program headers outside the file");
      }
      if (p.p_type == PT_TLS) return Refuse("thread-local storage");
      if (p.p_type == PT_INTERP) return Refuse("asks for an interpreter");
      if (p.p_type == PT_DYNAMIC) {
        dynamic_address_ = p.p_vaddr;
        dynamic_bytes_ = p.p_filesz;
      }
      if (p.p_type == PT_LOAD) RETURN_IF_ERROR(AddSegment(p));
    }
    if (image_.segments.empty()) return Refuse("nothing to load");
    std::sort(image_.segments.begin(), image_.segments.end(),
              [](const auto& a, const auto& b) { return a.address < b.address; });
    uint64_t free_from = 0;
    for (const ImageSegment& s : image_.segments) {
      if (s.address / kPage * kPage < free_from) return Refuse("segments share a page");
      free_from = (s.address + s.memory_bytes + kPage - 1) / kPage * kPage;
    }
    image_.memory_bytes = free_from;
    return absl::OkStatus();
  }

  absl::Status AddSegment(const Elf64_Phdr& p) {
    if ((p.p_flags & PF_W) != 0 && (p.p_flags & PF_X) != 0) {
      return Refuse("a segment is both writable and executable");
    }
    if (!Within(p.p_offset, p.p_filesz, bytes_.size())) return Refuse("segment outside the file");
    if (p.p_filesz > p.p_memsz) return Refuse("segment larger in the file than in memory");
    if (!Within(p.p_vaddr, p.p_memsz, kMaxImageBytes)) return Refuse("image above 256 MiB");
    if (p.p_memsz == 0) return absl::OkStatus();
    image_.segments.push_back({p.p_vaddr, p.p_memsz, p.p_offset, p.p_filesz,
                               (p.p_flags & PF_W) != 0, (p.p_flags & PF_X) != 0});
    return absl::OkStatus();
  }

  absl::Status ReadDynamic() {
    if (dynamic_bytes_ == 0) return Refuse("no dynamic section");
    for (uint64_t at = 0; at + sizeof(Elf64_Dyn) <= dynamic_bytes_; at += sizeof(Elf64_Dyn)) {
      Elf64_Dyn d;
      if (dynamic_address_ > kMaxImageBytes || !ReadAddress(dynamic_address_ + at, &d)) {
        return Refuse("dynamic section outside of the segments");
      }
      if (d.d_tag == DT_NULL) return absl::OkStatus();
      RETURN_IF_ERROR(ReadEntry(d));
    }
    return absl::OkStatus();
  }

  absl::Status ReadEntry(const Elf64_Dyn& d) {
    switch (d.d_tag) {
      case DT_NEEDED:
        return Refuse("depends on another library");
      case DT_INIT:
      case DT_FINI:
      case DT_INIT_ARRAY:
      case DT_FINI_ARRAY:
      case DT_PREINIT_ARRAY:
        return Refuse("has constructors or destructors");
      case DT_TEXTREL:
        return Refuse("relocates its text");
      case DT_REL:
      case DT_RELR:
        return Refuse("unknown kind of relocation table");
      case DT_JMPREL:
        return Refuse("has a procedure linkage table");
      case DT_RELA:
        rela_ = d.d_un.d_ptr;
        break;
      case DT_RELASZ:
        rela_bytes_ = d.d_un.d_val;
        break;
      case DT_RELAENT:
        if (d.d_un.d_val != sizeof(Elf64_Rela)) return Refuse("unknown relocation size");
        break;
      case DT_SYMTAB:
        symbols_ = d.d_un.d_ptr;
        break;
      case DT_SYMENT:
        if (d.d_un.d_val != sizeof(Elf64_Sym)) return Refuse("unknown symbol size");
        break;
      case DT_STRTAB:
        strings_ = d.d_un.d_ptr;
        break;
      case DT_STRSZ:
        strings_bytes_ = d.d_un.d_val;
        break;
      case DT_HASH:
        hash_ = d.d_un.d_ptr;
        break;
      case DT_GNU_HASH:
        gnu_hash_ = d.d_un.d_ptr;
        break;
      default:
        break;  // names, flags and counts that do not change what is mapped
    }
    return absl::OkStatus();
  }

  absl::Status ReadRelocations() {
    if (rela_bytes_ > kMaxImageBytes || rela_ > kMaxImageBytes) {
      return Refuse("relocations outside of the segments");
    }
    for (uint64_t at = 0; at < rela_bytes_; at += sizeof(Elf64_Rela)) {
      Elf64_Rela r;
      if (!ReadAddress(rela_ + at, &r)) return Refuse("relocations outside of the segments");
      if (ELF64_R_TYPE(r.r_info) != kRelative || ELF64_R_SYM(r.r_info) != 0) {
        return Refuse(absl::StrCat("relocation of type ", ELF64_R_TYPE(r.r_info),
                                   " (only relative ones are applied)"));
      }
      bool inside =
          std::any_of(image_.segments.begin(), image_.segments.end(), [&](const ImageSegment& s) {
            return s.writable && r.r_offset >= s.address &&
                   Within(r.r_offset - s.address, sizeof(uint64_t), s.memory_bytes);
          });
      // Linkers also put relocated constants into segments that are only
      // read-only after relocation; those are writable in the headers.
      if (!inside) return Refuse("relocation outside of a writable segment");
      if (static_cast<uint64_t>(r.r_addend) > image_.memory_bytes) {
        return Refuse("relocation points outside of the image");
      }
      image_.relocations.push_back({r.r_offset, static_cast<uint64_t>(r.r_addend)});
    }
    return absl::OkStatus();
  }

  // The dynamic symbol table has no length of its own: it is the SysV hash
  // table's chain count, or follows from the GNU hash table.
  absl::StatusOr<uint64_t> SymbolCount() const {
    if (hash_ != 0 && hash_ <= kMaxImageBytes) {
      uint32_t count;
      if (ReadAddress(hash_ + 4, &count)) return uint64_t{count};
    }
    if (gnu_hash_ != 0 && gnu_hash_ <= kMaxImageBytes) return GnuSymbolCount();
    return Refuse("no symbol hash table");
  }

  absl::StatusOr<uint64_t> GnuSymbolCount() const {
    struct {
      uint32_t buckets, first_symbol, bloom_words, shift;
    } head;
    if (!ReadAddress(gnu_hash_, &head)) return Refuse("symbol hash table outside of the segments");
    uint64_t buckets = gnu_hash_ + sizeof(head) + uint64_t{head.bloom_words} * 8;
    uint64_t chains = buckets + uint64_t{head.buckets} * 4;
    uint64_t last = 0;
    for (uint64_t i = 0; i < head.buckets; ++i) {
      uint32_t first;
      if (!ReadAddress(buckets + i * 4, &first)) return Refuse("broken symbol hash table");
      last = std::max<uint64_t>(last, first);
    }
    if (last < head.first_symbol) return uint64_t{head.first_symbol};
    for (;; ++last) {
      uint32_t link;
      if (!ReadAddress(chains + (last - head.first_symbol) * 4, &link)) {
        return Refuse("broken symbol hash table");
      }
      if ((link & 1) != 0) return last + 1;
    }
  }

  absl::Status ReadSymbols() {
    ASSIGN_OR_RETURN(uint64_t count, SymbolCount());
    if (symbols_ > kMaxImageBytes || count > kMaxImageBytes / sizeof(Elf64_Sym)) {
      return Refuse("symbols outside of the segments");
    }
    bool found = false;
    for (uint64_t i = 1; i < count; ++i) {  // 0 is the null symbol
      Elf64_Sym symbol;
      if (!ReadAddress(symbols_ + i * sizeof(symbol), &symbol)) {
        return Refuse("symbols outside of the segments");
      }
      std::string name = SymbolName(symbol.st_name);
      if (ELF64_ST_TYPE(symbol.st_info) == STT_GNU_IFUNC ||
          ELF64_ST_TYPE(symbol.st_info) == STT_TLS) {
        return Refuse(absl::StrCat("symbol '", name, "' needs a dynamic linker"));
      }
      if (symbol.st_shndx == SHN_UNDEF) {
        return Refuse(absl::StrCat("undefined symbol '", name, "'"));
      }
      const bool is_kernel = name == "lathe_kernel";
      if (!is_kernel && name != "lathe_prepare") continue;
      if (!InCode(symbol.st_value)) {
        return Refuse(absl::StrCat(name, " is not in executable memory"));
      }
      (is_kernel ? image_.kernel : image_.prepare) = symbol.st_value;
      found = found || is_kernel;
    }
    if (!found) return Refuse("does not export lathe_kernel");
    return absl::OkStatus();
  }

  std::string SymbolName(uint32_t offset) const {
    std::string name;
    for (uint64_t at = offset; strings_ <= kMaxImageBytes && at < strings_bytes_; ++at) {
      char c;
      if (!ReadAddress(strings_ + at, &c) || c == 0 || name.size() > 255) break;
      name.push_back(c);
    }
    return name;
  }

  bool InCode(uint64_t address) const {
    return std::any_of(image_.segments.begin(), image_.segments.end(), [&](const auto& s) {
      return s.executable && address >= s.address && address - s.address < s.file_bytes;
    });
  }

  std::string_view bytes_;
  Elf64_Ehdr header_ = {};
  ArtifactImage image_;
  uint64_t dynamic_address_ = 0, dynamic_bytes_ = 0;
  uint64_t rela_ = 0, rela_bytes_ = 0;
  uint64_t symbols_ = 0, strings_ = 0, strings_bytes_ = 0;
  uint64_t hash_ = 0, gnu_hash_ = 0;
};

}  // namespace

absl::StatusOr<ArtifactImage> ParseArtifact(std::string_view bytes) {
  return Parser(bytes).Parse();
}

}  // namespace lathe
