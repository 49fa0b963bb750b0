// Peer: Eigen, compiled for the machine that builds it. Its CMake target alone
// is compiled with -march=native: do not copy this plug-in between machines.
#include <Eigen/Core>
#include <unsupported/Eigen/SpecialFunctions>

#include "bench/peers/gemm.h"

namespace lathe::peers {
namespace {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using ConstMap = Eigen::Map<const Matrix>;
using Map = Eigen::Map<Matrix>;
using Array = Eigen::Map<Eigen::ArrayXf>;
using ConstArray = Eigen::Map<const Eigen::ArrayXf>;

void Multiply(const Gemm& g) {
  for (int64_t i = 0; i < g.batch; ++i) {
    ConstMap a(g.a + i * g.m * g.k, g.ta ? g.k : g.m, g.ta ? g.m : g.k);
    ConstMap b(g.b + i * g.k * g.n, g.tb ? g.n : g.k, g.tb ? g.k : g.n);
    Map c(g.c + i * g.m * g.n, g.m, g.n);
    if (g.ta && g.tb) {
      c.noalias() = a.transpose() * b.transpose();
    } else if (g.ta) {
      c.noalias() = a.transpose() * b;
    } else if (g.tb) {
      c.noalias() = a * b.transpose();
    } else {
      c.noalias() = a * b;
    }
  }
  Epilogue(g);
}

// Rows and columns of a matrix operator's first input.
struct Shape2 {
  const float* x;
  float* y;
  int64_t rows, columns;
};

void Softmax(const Shape2& s) {
  ConstMap x(s.x, s.rows, s.columns);
  Map y(s.y, s.rows, s.columns);
  for (int64_t i = 0; i < s.rows; ++i) {
    y.row(i).array() = (x.row(i).array() - x.row(i).maxCoeff()).exp();
    y.row(i) *= 1.0f / y.row(i).sum();
  }
}

std::function<void(const Shape2&)> MatrixOperator(const Problem& problem) {
  if (problem.Is("softmax")) return Softmax;
  if (problem.Is("transpose")) {
    return [](const Shape2& s) {
      Map(s.y, s.columns, s.rows) = ConstMap(s.x, s.rows, s.columns).transpose();
    };
  }
  if (problem.Is("row_sum")) {
    return [](const Shape2& s) {
      Map(s.y, s.rows, 1) = ConstMap(s.x, s.rows, s.columns).rowwise().sum();
    };
  }
  if (problem.Is("column_sum")) {
    return [](const Shape2& s) {
      Map(s.y, 1, s.columns) = ConstMap(s.x, s.rows, s.columns).colwise().sum();
    };
  }
  if (problem.Is("gelu")) {
    return [](const Shape2& s) {
      ConstArray x(s.x, s.rows * s.columns);
      Array(s.y, s.rows * s.columns) = 0.5f * x * (1.0f + (x * 0.70710678f).erf());
    };
  }
  if (problem.Is("relu")) {
    return [](const Shape2& s) {
      Array(s.y, s.rows * s.columns) = ConstArray(s.x, s.rows * s.columns).max(0.0f);
    };
  }
  return nullptr;
}

void LayerNorm(const Shape2& s, const float* gamma, const float* beta, float eps) {
  const Eigen::Map<const Eigen::Array<float, 1, Eigen::Dynamic>> scale(gamma, s.columns),
      shift(beta, s.columns);
  ConstMap x(s.x, s.rows, s.columns);
  Map y(s.y, s.rows, s.columns);
  for (int64_t i = 0; i < s.rows; ++i) {
    y.row(i).array() = x.row(i).array() - x.row(i).mean();
    const float variance = y.row(i).squaredNorm() / static_cast<float>(s.columns);
    y.row(i).array() = y.row(i).array() * (1 / std::sqrt(variance + eps)) * scale + shift;
  }
}

std::vector<Variant> Variants(const Problem& problem) {
  if (std::optional<Gemm> gemm = AsGemm(problem)) {
    return {{"", [g = *gemm] { return [g] { Multiply(g); }; }}};
  }
  std::function<void(const Shape2&)> call = MatrixOperator(problem);
  size_t inputs = 1;
  if (problem.Is("layer_norm") && problem.inputs().size() == 3) {
    inputs = 3;
    call = [gamma = Floats(*problem.inputs()[1]), beta = Floats(*problem.inputs()[2]),
            eps = static_cast<float>(problem.Number("eps"))](const Shape2& s) {
      LayerNorm(s, gamma, beta, eps);
    };
  }
  if (!call || !problem.All("f32") || problem.inputs().size() != inputs ||
      problem.inputs()[0]->rank != 2) {
    return {};
  }
  const lathe_peer_tensor& x = *problem.inputs()[0];
  Shape2 shape{Floats(x), MutableFloats(*problem.outputs()[0]), x.shape[0], x.shape[1]};
  return {{"", [call, shape] { return [call, shape] { call(shape); }; }}};
}

// "AVX512, FMA, AVX2, ...": the first.
std::string Widest() {
  const std::string sets = Eigen::SimdInstructionSetsInUse();
  return sets.substr(0, sets.find(','));
}

int32_t Open(const lathe_peer_problem* problem, lathe_peer_runner* runners, int32_t capacity) {
  return OpenVariants(Variants(Problem(problem)), runners, capacity);
}

}  // namespace
}  // namespace lathe::peers

extern "C" const lathe_peer* lathe_peer_entry(const lathe_peer_host* host) {
  if (host->threads > 1) {
    lathe::peers::Copy(host->error, LATHE_PEER_ERROR_BYTES, "built for one thread");
    return nullptr;
  }
  static const std::string version =
      std::to_string(EIGEN_WORLD_VERSION) + "." + std::to_string(EIGEN_MAJOR_VERSION) + "." +
      std::to_string(EIGEN_MINOR_VERSION) + ", " + lathe::peers::Widest();
  static const lathe_peer peer{LATHE_PEER_ABI, "eigen", version.c_str(), lathe::peers::Open};
  return &peer;
}
