#include "bench/peers/onednn.h"

// oneDNN of Debian runs on OpenMP, which comes along with it.
extern "C" __attribute__((weak)) void omp_set_num_threads(int threads);

namespace lathe::peers {

const dnnl::engine& Engine() {
  static const auto& engine = *new dnnl::engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

dnnl::stream& Stream() {
  static auto& stream = *new dnnl::stream(Engine());
  return stream;
}

dnnl::memory Reordered(const dnnl::memory& plain, const dnnl::memory::desc& wanted) {
  if (plain.get_desc() == wanted) return plain;
  dnnl::memory source = plain, packed(wanted, Engine());
  dnnl::reorder(source, packed).execute(Stream(), source, packed);
  Stream().wait();
  return packed;
}

std::function<void()> Execute(dnnl::primitive primitive,
                              std::unordered_map<int, dnnl::memory> arguments) {
  return [primitive = std::move(primitive), arguments = std::move(arguments)] {
    primitive.execute(Stream(), arguments);
    Stream().wait();
  };
}

std::function<void()> InOrder(std::vector<std::function<void()>> steps) {
  return [steps = std::move(steps)] {
    for (const auto& step : steps) step();
  };
}

std::function<void()> Reorder(const dnnl::memory& x, const dnnl::memory& y) {
  return Execute(dnnl::reorder(x, y), {{DNNL_ARG_FROM, x}, {DNNL_ARG_TO, y}});
}

namespace {

int32_t Open(const lathe_peer_problem* problem, lathe_peer_runner* runners, int32_t capacity) {
  Problem p(problem);
  for (auto variants_of : {GemmVariants, ConvolutionVariants, RowVariants, ComposedVariants}) {
    std::vector<Variant> variants = variants_of(p);
    if (!variants.empty()) return OpenVariants(variants, runners, capacity);
  }
  return 0;
}

}  // namespace
}  // namespace lathe::peers

extern "C" const lathe_peer* lathe_peer_entry(const lathe_peer_host* host) {
  if (omp_set_num_threads) {
    omp_set_num_threads(host->threads);
  } else if (host->threads > 1) {
    lathe::peers::Copy(host->error, LATHE_PEER_ERROR_BYTES, "this oneDNN does not use OpenMP");
    return nullptr;
  }
  static const std::string version = [] {
    const dnnl::version_t* v = dnnl::version();
    return std::to_string(v->major) + "." + std::to_string(v->minor) + "." +
           std::to_string(v->patch);
  }();
  static const lathe_peer peer{LATHE_PEER_ABI, "onednn", version.c_str(), lathe::peers::Open};
  return &peer;
}
