/* What the CPU this runs on can execute, in LLVM's feature names. The one table
 * from machine to feature name: the target description, the device probe and
 * deployed kernels all use it. */
#ifndef LATHE_CPU_FEATURES_H_
#define LATHE_CPU_FEATURES_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The maker's identification of the CPU: CPUID on x86; implementer, part and
 * revision of MIDR_EL1 on Arm (family, model, stepping), where the kernel lets
 * a process read it. All zero where there is none. */
typedef struct lathe_cpu_identity {
  char vendor[13]; /* "GenuineIntel"; "arm"; "riscv" */
  uint32_t family;
  uint32_t model;
  uint32_t stepping;
} lathe_cpu_identity;

lathe_cpu_identity lathe_cpu_identify(void);

/* Writes the names of up to `capacity` features that the CPU has and whose
 * registers the operating system saves, sorted by strcmp; returns how many there
 * are. The names live for ever. Asks the machine each time (microseconds, more
 * under a hypervisor): keep the answer. */
size_t lathe_cpu_features(const char** names, size_t capacity);

/* Whether `llvm_feature_name` ("avx2", without sign) is among them. */
int lathe_cpu_has(const char* llvm_feature_name);

#ifdef __cplusplus
}
#endif

#endif /* LATHE_CPU_FEATURES_H_ */
