#include "compiler/analysis/hot_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace lathe {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Two functions. In `body`, a nest of two loops whose inner one multiplies and
// adds, and a copying loop after it; %rbp is an ordinary register. `frame` sets
// up a frame pointer and spills.
constexpr char kAssembly[] = R"(	.text
lathe_kernel:                           # @lathe_kernel
	pushq	%rax
	callq	body
	popq	%rcx
	retq
.Lfunc_end0:
body:
	xorl	%eax, %eax
.LBB1_1:
	vxorps	%xmm0, %xmm0, %xmm0
	xorl	%ecx, %ecx
	.p2align	4, 0x90
.LBB1_2:
	vmovups	(%rsi,%rcx), %zmm1
	vfmadd231ps	(%rdi){1to16}, %zmm1, %zmm0
	vfmadd231ps	4(%rbp){1to16}, %zmm1, %zmm2
	vfmadd231ps	%zmm3, %zmm1, %zmm4 {%k1}
	addq	$64, %rcx
	cmpq	$640, %rcx
	jne	.LBB1_2
	vmovups	%zmm0, (%rdx)
	incq	%rax
	cmpq	$10, %rax
	jne	.LBB1_1
.LBB1_4:
	vmovups	(%rdx), %zmm0
	vmovups	%zmm0, (%r8)
	addq	$64, %r8
	cmpq	%r8, %r9
	jne	.LBB1_4
	retq
)";

constexpr char kSpilling[] = R"(frame:
	pushq	%rbp
	movq	%rsp, %rbp
	andq	$-64, %rsp
.LBB0_1:
	vmovups	-64(%rbp), %zmm0
	vaddps	64(%rsp), %zmm0, %zmm0
	vmovups	%zmm0, 64(%rsp)
	decq	%rax
	jne	.LBB0_1
	popq	%rbp
	retq
)";

TEST(HotLoopTest, IsTheInnermostLoopWithTheMostMultiplyAdds) {
  const auto loop = FindHotLoop(kAssembly);
  ASSERT_TRUE(loop);
  EXPECT_EQ(loop->label, ".LBB1_2");
  EXPECT_EQ(loop->function, "body");
  EXPECT_EQ(loop->first_line, 14);
  EXPECT_EQ(loop->last_line, 21);
  EXPECT_EQ(loop->depth, 2);
  EXPECT_EQ(loop->instructions, 7);
  EXPECT_EQ(loop->multiply_adds, 3);
  EXPECT_EQ(loop->vector_arithmetic, 3);
  EXPECT_EQ(loop->loads, 3);
  EXPECT_EQ(loop->stores, 0);
  EXPECT_EQ(loop->stack_references, 0);
  EXPECT_EQ(loop->vector_registers, 5);
  EXPECT_EQ(loop->general_registers, 4);
  EXPECT_EQ(loop->mask_registers, 1);
  EXPECT_EQ(loop->MultiplyAddsPerLoad(), 1);
}

TEST(HotLoopTest, CountsSpillsOnTheStackFrame) {
  const auto loop = FindHotLoop(kSpilling);
  ASSERT_TRUE(loop);
  EXPECT_EQ(loop->stack_references, 3);
  EXPECT_EQ(loop->loads, 2);
  EXPECT_EQ(loop->stores, 1);
  EXPECT_EQ(loop->vector_arithmetic, 1);
  EXPECT_THAT(Describe(*loop), HasSubstr("3 stack references (spills), 2 loads, 1 stores"));
}

TEST(HotLoopTest, WithoutMultiplyAddsVectorArithmeticDecides) {
  const auto loop = FindHotLoop(
      "f:\n.LBB0_1:\n\tincq %rax\n\tincq %rbx\n\tjne .LBB0_1\n"
      ".LBB0_2:\n\tvaddps %zmm0, %zmm1, %zmm1\n\tjne .LBB0_2\n\tretq\n");
  ASSERT_TRUE(loop);
  EXPECT_EQ(loop->label, ".LBB0_2");
  EXPECT_TRUE(std::isinf(loop->MultiplyAddsPerLoad()));
}

TEST(HotLoopTest, JumpsBackToOneLabelAreOneLoop) {
  const auto loop =
      FindHotLoop("f:\n.LBB0_1:\n\tincq %rax\n\tje .LBB0_1\n\tincq %rbx\n\tjne .LBB0_1\n\tretq\n");
  ASSERT_TRUE(loop);
  EXPECT_EQ(loop->instructions, 4);
  EXPECT_EQ(loop->depth, 1);
}

TEST(HotLoopTest, ForwardJumpsAreNoLoop) {
  EXPECT_FALSE(FindHotLoop("f:\n\tjne .LBB0_1\n\tincq %rax\n.LBB0_1:\n\tretq\n"));
  EXPECT_FALSE(FindHotLoop(""));
}

TEST(HotLoopTest, MarksTheLinesOfTheLoop) {
  const auto loop = FindHotLoop(kAssembly);
  ASSERT_TRUE(loop);
  const std::string marked = MarkHotLoop(kAssembly, *loop);
  EXPECT_THAT(marked, StartsWith("# Hot loop: .LBB1_2 in body, 2 deep, 7 instructions\n"
                                 "#   registers: 5 vector, 4 general, 1 mask\n"
                                 "#   0 stack references, 3 loads, 0 stores\n"
                                 "#   3 fused multiply-adds (1.00 per load), 3 instructions of "
                                 "vector arithmetic\n\t.text\n"));
  EXPECT_THAT(marked, HasSubstr("0x90\n# >>>>>>>> hot loop\n.LBB1_2:\n"));
  EXPECT_THAT(marked, HasSubstr("jne\t.LBB1_2\n# <<<<<<<< hot loop\n\tvmovups"));
  EXPECT_THAT(marked, EndsWith("retq\n"));
}

}  // namespace
}  // namespace lathe
