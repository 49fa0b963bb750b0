#include "compiler/runtime/lathe_cpu_features.h"

#include <string.h>

/* One row of an architecture's table: the feature is there when bit `bit` of
 * word `word` is set and every bit of `state` is in the machine's state mask.
 * Tables are sorted by name. */
typedef struct feature_row {
  const char* name;
  uint8_t word;
  uint8_t bit;
  uint8_t state;
} feature_row;

#if defined(__x86_64__)

#include <cpuid.h>

/* Words: registers of CPUID leaves (Intel SDM volume 2A, CPUID; AMD64 APM
 * volume 3, appendix E). */
enum { L1C, L1D, L7B, L7C, L7D, L71A, L71D, LD1A, LX1C, LX1D, LX8B, kWords };

/* Register state that the operating system saves (XCR0). */
enum { kNone = 0, kYmm = 1, kZmm = 2, kTile = 4 };

static const feature_row kRows[] = {
    {"64bit", LX1D, 29, kNone},
    {"adx", L7B, 19, kNone},
    {"aes", L1C, 25, kNone},
    {"amx-bf16", L7D, 22, kTile},
    {"amx-complex", L71D, 8, kTile},
    {"amx-fp16", L71A, 21, kTile},
    {"amx-int8", L7D, 25, kTile},
    {"amx-tile", L7D, 24, kTile},
    {"avx", L1C, 28, kYmm},
    {"avx2", L7B, 5, kYmm},
    {"avx512bf16", L71A, 5, kZmm},
    {"avx512bitalg", L7C, 12, kZmm},
    {"avx512bw", L7B, 30, kZmm},
    {"avx512cd", L7B, 28, kZmm},
    {"avx512dq", L7B, 17, kZmm},
    {"avx512f", L7B, 16, kZmm},
    {"avx512fp16", L7D, 23, kZmm},
    {"avx512ifma", L7B, 21, kZmm},
    {"avx512vbmi", L7C, 1, kZmm},
    {"avx512vbmi2", L7C, 6, kZmm},
    {"avx512vl", L7B, 31, kZmm},
    {"avx512vnni", L7C, 11, kZmm},
    {"avx512vp2intersect", L7D, 8, kZmm},
    {"avx512vpopcntdq", L7C, 14, kZmm},
    {"avxifma", L71A, 23, kYmm},
    {"avxneconvert", L71D, 5, kYmm},
    {"avxvnni", L71A, 4, kYmm},
    {"avxvnniint16", L71D, 10, kYmm},
    {"avxvnniint8", L71D, 4, kYmm},
    {"bmi", L7B, 3, kNone},
    {"bmi2", L7B, 8, kNone},
    {"cldemote", L7C, 25, kNone},
    {"clflushopt", L7B, 23, kNone},
    {"clwb", L7B, 24, kNone},
    {"clzero", LX8B, 0, kNone},
    {"cmov", L1D, 15, kNone},
    {"crc32", L1C, 20, kNone},
    {"cx16", L1C, 13, kNone},
    {"cx8", L1D, 8, kNone},
    {"evex512", L7B, 16, kZmm},
    {"f16c", L1C, 29, kYmm},
    {"fma", L1C, 12, kYmm},
    {"fma4", LX1C, 16, kYmm},
    {"fsgsbase", L7B, 0, kNone},
    {"fxsr", L1D, 24, kNone},
    {"gfni", L7C, 8, kNone},
    {"lzcnt", LX1C, 5, kNone},
    {"mmx", L1D, 23, kNone},
    {"movbe", L1C, 22, kNone},
    {"movdir64b", L7C, 28, kNone},
    {"movdiri", L7C, 27, kNone},
    {"pclmul", L1C, 1, kNone},
    {"popcnt", L1C, 23, kNone},
    {"prefetchi", L71D, 14, kNone},
    {"prfchw", LX1C, 8, kNone},
    {"rdpid", L7C, 22, kNone},
    {"rdrnd", L1C, 30, kNone},
    {"rdseed", L7B, 18, kNone},
    {"sahf", LX1C, 0, kNone},
    {"serialize", L7D, 14, kNone},
    {"sha", L7B, 29, kNone},
    {"sha512", L71A, 0, kYmm},
    {"sm3", L71A, 1, kYmm},
    {"sm4", L71A, 2, kYmm},
    {"sse", L1D, 25, kNone},
    {"sse2", L1D, 26, kNone},
    {"sse3", L1C, 0, kNone},
    {"sse4.1", L1C, 19, kNone},
    {"sse4.2", L1C, 20, kNone},
    {"sse4a", LX1C, 6, kNone},
    {"ssse3", L1C, 9, kNone},
    {"tbm", LX1C, 21, kNone},
    {"vaes", L7C, 9, kYmm},
    {"vpclmulqdq", L7C, 10, kYmm},
    {"waitpkg", L7C, 5, kNone},
    {"xop", LX1C, 11, kYmm},
    {"xsave", L1C, 26, kYmm},
    {"xsavec", LD1A, 1, kYmm},
    {"xsaveopt", LD1A, 0, kYmm},
    {"xsaves", LD1A, 3, kYmm},
};

static uint64_t xcr0(void) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t)high << 32 | low;
}

/* Fills the words; returns the state mask. */
static uint8_t probe(uint32_t words[]) {
  uint32_t a, b, c, d;
  memset(words, 0, kWords * sizeof(words[0]));
  if (__get_cpuid(1, &a, &b, &c, &d)) {
    words[L1C] = c;
    words[L1D] = d;
  }
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
    words[L7B] = b;
    words[L7C] = c;
    words[L7D] = d;
    if (a >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d)) {
      words[L71A] = a;
      words[L71D] = d;
    }
  }
  if (__get_cpuid_count(0xd, 1, &a, &b, &c, &d)) words[LD1A] = a;
  if (__get_cpuid(0x80000001, &a, &b, &c, &d)) {
    words[LX1C] = c;
    words[LX1D] = d;
  }
  if (__get_cpuid(0x80000008, &a, &b, &c, &d)) words[LX8B] = b;

  uint8_t state = kNone;
  if (words[L1C] >> 27 & 1) { /* OSXSAVE: xgetbv may be executed */
    uint64_t saved = xcr0();
    if ((saved & 0x6) == 0x6) state |= kYmm;
    if ((saved & 0xe6) == 0xe6) state |= kZmm;
    if ((saved & 0x60000) == 0x60000) state |= kTile;
  }
  return state;
}

lathe_cpu_identity lathe_cpu_identify(void) {
  lathe_cpu_identity id;
  memset(&id, 0, sizeof(id));
  uint32_t a, b, c, d;
  if (!__get_cpuid(0, &a, &b, &c, &d)) return id;
  memcpy(id.vendor, &b, 4);
  memcpy(id.vendor + 4, &d, 4);
  memcpy(id.vendor + 8, &c, 4);
  if (!__get_cpuid(1, &a, &b, &c, &d)) return id;
  id.stepping = a & 15;
  id.model = a >> 4 & 15;
  id.family = a >> 8 & 15;
  if (id.family == 6 || id.family == 15) id.model |= a >> 12 & 0xf0;
  if (id.family == 15) id.family += a >> 20 & 255;
  return id;
}

#elif defined(__aarch64__)

#include <sys/auxv.h>

/* Words: AT_HWCAP and AT_HWCAP2 (arch/arm64/include/uapi/asm/hwcap.h of Linux),
 * in halves. The kernel reports only what it supports, so no state is asked. */
enum { H1L, H1H, H2L, H2H, kWords };

static const feature_row kRows[] = {
    {"aes", H1L, 3, 0},      {"bf16", H2L, 14, 0},    {"crc", H1L, 7, 0},
    {"dotprod", H1L, 20, 0}, {"fp-armv8", H1L, 0, 0}, {"fp16fml", H1L, 23, 0},
    {"fullfp16", H1L, 9, 0}, {"i8mm", H2L, 13, 0},    {"jsconv", H1L, 13, 0},
    {"lse", H1L, 8, 0},      {"neon", H1L, 1, 0},     {"rcpc", H1L, 15, 0},
    {"rdm", H1L, 12, 0},     {"sha2", H1L, 6, 0},     {"sha3", H1L, 17, 0},
    {"sm4", H1L, 19, 0},     {"sme", H2L, 23, 0},     {"sve", H1L, 22, 0},
    {"sve2", H2L, 1, 0},
};

static uint8_t probe(uint32_t words[]) {
  unsigned long first = getauxval(AT_HWCAP), second = getauxval(AT_HWCAP2);
  words[H1L] = (uint32_t)first;
  words[H1H] = (uint32_t)(first >> 32);
  words[H2L] = (uint32_t)second;
  words[H2H] = (uint32_t)(second >> 32);
  return 0;
}

lathe_cpu_identity lathe_cpu_identify(void) {
  lathe_cpu_identity id;
  memset(&id, 0, sizeof(id));
  memcpy(id.vendor, "arm", 3);
  if (!(getauxval(AT_HWCAP) >> 11 & 1)) return id; /* HWCAP_CPUID */
  uint64_t midr;
  __asm__("mrs %0, MIDR_EL1" : "=r"(midr));
  id.family = midr >> 24 & 0xff;
  id.model = midr >> 4 & 0xfff;
  id.stepping = (midr >> 16 & 0xf0) | (midr & 15);
  return id;
}

#elif defined(__riscv)

#include <sys/auxv.h>

/* Word: AT_HWCAP, one bit for each single-letter extension. */
enum { HWCAP, kWords };

/* State: bit i when vector registers hold at least 128 << i bits. */
static const feature_row kRows[] = {
    {"a", HWCAP, 0, 0},         {"c", HWCAP, 2, 0},        {"d", HWCAP, 3, 0},
    {"f", HWCAP, 5, 0},         {"m", HWCAP, 12, 0},       {"v", HWCAP, 21, 0},
    {"zvl1024b", HWCAP, 21, 8}, {"zvl128b", HWCAP, 21, 1}, {"zvl256b", HWCAP, 21, 2},
    {"zvl512b", HWCAP, 21, 4},
};

static uint8_t probe(uint32_t words[]) {
  words[HWCAP] = (uint32_t)getauxval(AT_HWCAP);
  uint8_t state = 0;
  if (words[HWCAP] >> 21 & 1) {
    unsigned long bytes;
    __asm__ volatile("csrr %0, 0xc22" : "=r"(bytes)); /* vlenb */
    for (int i = 0; i < 4; ++i) {
      if (bytes >= (16ul << i)) state |= (uint8_t)(1 << i);
    }
  }
  return state;
}

lathe_cpu_identity lathe_cpu_identify(void) {
  lathe_cpu_identity id;
  memset(&id, 0, sizeof(id));
  memcpy(id.vendor, "riscv", 5);
  return id;
}

#else
#error "lathe_cpu_features: no table for this architecture"
#endif

enum { kRowCount = sizeof(kRows) / sizeof(kRows[0]) };

static int row_holds(const feature_row* row, const uint32_t words[], uint8_t state) {
  return (words[row->word] >> row->bit & 1) != 0 && (row->state & state) == row->state;
}

size_t lathe_cpu_features(const char** names, size_t capacity) {
  uint32_t words[kWords];
  uint8_t state = probe(words);
  size_t count = 0;
  for (size_t i = 0; i < kRowCount; ++i) {
    if (!row_holds(&kRows[i], words, state)) continue;
    if (count < capacity) names[count] = kRows[i].name;
    ++count;
  }
  return count;
}

int lathe_cpu_has(const char* llvm_feature_name) {
  for (size_t i = 0; i < kRowCount; ++i) {
    if (strcmp(kRows[i].name, llvm_feature_name) != 0) continue;
    uint32_t words[kWords];
    uint8_t state = probe(words);
    return row_holds(&kRows[i], words, state);
  }
  return 0;
}
