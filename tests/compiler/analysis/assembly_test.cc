#include "compiler/analysis/assembly.h"

#include <gtest/gtest.h>

#include <string>

namespace lathe {
namespace {

Instruction Parse(std::string_view line) {
  Instruction instruction;
  EXPECT_TRUE(ParseInstruction(line, &instruction)) << line;
  return instruction;
}

TEST(AssemblyTest, TellsLabelsDirectivesAndCommentsFromInstructions) {
  EXPECT_EQ(LabelOf(".LBB0_1:"), ".LBB0_1");
  EXPECT_EQ(LabelOf("lathe_kernel:                           # @lathe_kernel"), "lathe_kernel");
  EXPECT_EQ(LabelOf("task0.body:"), "task0.body");
  EXPECT_EQ(LabelOf("\tmovq %rax, %fs:8"), "");
  EXPECT_EQ(LabelOf(""), "");
  Instruction instruction;
  for (std::string_view line :
       {"", "  ", ".LBB0_1:", "\t.p2align 4", "# a comment", "\t# another"}) {
    EXPECT_FALSE(ParseInstruction(line, &instruction)) << line;
  }
}

TEST(AssemblyTest, CountsRegistersByNumber) {
  const Instruction fma = Parse("\tvfmadd231ps\t(%rdx,%r8,4){1to16}, %zmm3, %ymm17 {%k1} {z}");
  EXPECT_EQ(fma.operands.size(), 3u);
  EXPECT_EQ(fma.registers.vector, (std::set<int>{3, 17}));
  EXPECT_EQ(fma.registers.general, (std::set<std::string>{"8", "dx"}));
  EXPECT_EQ(fma.registers.mask, std::set<int>{1});
  const Instruction parts = Parse("\taddb %al, %ah");
  EXPECT_EQ(parts.registers.general, std::set<std::string>{"ax"});
  EXPECT_EQ(Parse("\tmovl %r10d, %r10d").registers.general, std::set<std::string>{"10"});
  EXPECT_EQ(Parse("\tmovzbl %sil, %esi").registers.general, std::set<std::string>{"si"});
  EXPECT_EQ(Parse("\tmovw %bp, %bp").registers.general, std::set<std::string>{"bp"});
  EXPECT_EQ(Parse("\tvmovups table(%rip), %zmm0").registers.general, std::set<std::string>{});
}

TEST(AssemblyTest, TellsLoadsFromStores) {
  struct Case {
    const char* line;
    bool loads, stores;
  };
  const Case cases[] = {
      {"vmovups (%rdi), %zmm0", true, false},
      {"vmovups %zmm0, 64(%rdi) {%k1}", false, true},
      {"vcvtps2ph $4, %zmm0, (%rdi)", false, true},
      {"vaddps (%rdi), %zmm0, %zmm1", true, false},
      {"addq $1, (%rdi)", true, true},
      {"incl (%rdi)", true, true},
      {"cmpq $5, (%rdi)", true, false},
      {"imulq (%rdi), %rax", true, false},
      {"leaq 8(%rdi,%rsi,4), %rax", false, false},
      {"prefetcht0 (%rdi)", false, false},
      {"nopw 0(%rax,%rax)", false, false},
      {"movq $0, (%rdi)", false, true},
      {"addq $1, %rdi", false, false},
      {"callq *(%rdi)", true, false},
  };
  for (const Case& c : cases) {
    const Instruction instruction = Parse(c.line);
    EXPECT_EQ(instruction.loads, c.loads) << c.line;
    EXPECT_EQ(instruction.stores, c.stores) << c.line;
  }
}

TEST(AssemblyTest, NamesWhatIsOnTheStack) {
  EXPECT_TRUE(Parse("vmovups %zmm0, 64(%rsp)  # 64-byte Spill").uses_stack_pointer);
  EXPECT_TRUE(Parse("vmovups -64(%rbp), %zmm0").uses_frame_pointer);
  EXPECT_FALSE(Parse("movq %rsp, %rbp").uses_stack_pointer);
  EXPECT_FALSE(Parse("vmovups (%rdi,%rbp), %zmm0").uses_frame_pointer);
}

TEST(AssemblyTest, ClassifiesArithmetic) {
  for (const char* line : {"vfmadd231ps %zmm0, %zmm1, %zmm2", "vfnmadd213sd %xmm0, %xmm1, %xmm2",
                           "vpdpbusd %zmm0, %zmm1, %zmm2", "vdpbf16ps %zmm0, %zmm1, %zmm2",
                           "tdpbssd %tmm0, %tmm1, %tmm2"}) {
    EXPECT_TRUE(Parse(line).multiply_add) << line;
  }
  for (const char* line : {"vaddps %ymm0, %ymm1, %ymm2", "mulps %xmm0, %xmm1",
                           "vpminsd %zmm0, %zmm1, %zmm2", "vpmulld %zmm0, %zmm1, %zmm2"}) {
    EXPECT_TRUE(Parse(line).vector_arithmetic) << line;
    EXPECT_FALSE(Parse(line).multiply_add) << line;
  }
  for (const char* line : {"vmovups (%rdi), %zmm0", "vbroadcastss (%rdi), %zmm0", "addq $1, %rax",
                           "vaddss %xmm0, %xmm1, %xmm2", "vfmadd231ss %xmm0, %xmm1, %xmm2",
                           "vpermps %zmm0, %zmm1, %zmm2"}) {
    EXPECT_FALSE(Parse(line).vector_arithmetic) << line;
  }
}

TEST(AssemblyTest, FindsDirectJumps) {
  EXPECT_EQ(Parse("\tjne\t.LBB0_3").jump_target, ".LBB0_3");
  EXPECT_EQ(Parse("\tjmpq\t*%rax").jump_target, "");
}

}  // namespace
}  // namespace lathe
