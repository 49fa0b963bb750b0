// What a candidate costs, from trace to artifact, and where: Google Benchmark.
// The candidate is the hand-written trace of matmul 512^3. Not a test.
#include <benchmark/benchmark.h>

#include <fstream>
#include <sstream>
#include <string>

#include "compiler/base/check.h"
#include "compiler/codegen/compile.h"
#include "compiler/codegen/link.h"
#include "compiler/codegen/object.h"
#include "compiler/codegen/target_machine.h"
#include "compiler/loop/lower.h"
#include "compiler/schedule/trace.h"
#include "compiler/target/target.h"
#include "compiler/tensor/operators.h"

namespace lathe {
namespace {

struct Candidate {
  Function function = *BuildOperator("matmul(m=512,n=512,k=512)");
  Trace trace = Read();
  Program naive = *BuildNaive(function);
  Program scheduled = *Replay(naive, trace);
  Program lowered = *Lower(scheduled);
  Target target = HostTarget();

  static Trace Read() {
    std::ifstream in(LATHE_SOURCE_DIR "/examples/traces/matmul_512.trace");
    std::stringstream text;
    text << in.rdbuf();
    return *ParseTrace(text.str(), "matmul_512.trace");
  }
};

const Candidate& TheCandidate() {
  static const Candidate candidate;
  return candidate;
}

void BM_TraceToArtifact(benchmark::State& state) {
  const Candidate& c = TheCandidate();
  for (auto _ : state) {
    Program lowered = *LowerWithTrace(c.function, c.trace);
    benchmark::DoNotOptimize(CompileArtifact(lowered, c.target, "{}")->size());
  }
}
BENCHMARK(BM_TraceToArtifact)->Unit(benchmark::kMillisecond);

void BM_Replay(benchmark::State& state) {
  const Candidate& c = TheCandidate();
  for (auto _ : state) benchmark::DoNotOptimize(Replay(c.naive, c.trace).ok());
}
BENCHMARK(BM_Replay)->Unit(benchmark::kMillisecond);

void BM_Lower(benchmark::State& state) {
  const Candidate& c = TheCandidate();
  for (auto _ : state) benchmark::DoNotOptimize(Lower(c.scheduled).ok());
}
BENCHMARK(BM_Lower)->Unit(benchmark::kMillisecond);

void BM_MakeTargetMachine(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(MakeTargetMachine(TheCandidate().target).ok());
}
BENCHMARK(BM_MakeTargetMachine)->Unit(benchmark::kMillisecond);

void BM_EmitIr(benchmark::State& state) {
  const Candidate& c = TheCandidate();
  for (auto _ : state) {
    llvm::LLVMContext context;
    benchmark::DoNotOptimize(EmitKernel(c.lowered, c.target, context).ok());
  }
}
BENCHMARK(BM_EmitIr)->Unit(benchmark::kMillisecond);

// The stages after IR that `count` asks for: 1 passes, 2 and the object.
void BM_Generate(benchmark::State& state) {
  const Candidate& c = TheCandidate();
  auto machine = *MakeTargetMachine(c.target);
  for (auto _ : state) {
    state.PauseTiming();
    llvm::LLVMContext context;
    auto module = *EmitKernel(c.lowered, c.target, context);
    ApplyTarget(c.target, *machine, *module);
    state.ResumeTiming();
    CHECK(RunPasses(*machine, *module).ok());
    if (state.range(0) > 1) benchmark::DoNotOptimize(EmitObject(*machine, *module)->size());
  }
}
BENCHMARK(BM_Generate)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond);

void BM_Link(benchmark::State& state) {
  const Candidate& c = TheCandidate();
  const std::string object = *CompileKernel(c.lowered, c.target, CodeForm::kObject);
  for (auto _ : state) {
    benchmark::DoNotOptimize(Link(LinkKind::kArtifact, {object})->size());
  }
}
BENCHMARK(BM_Link)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace lathe

BENCHMARK_MAIN();
