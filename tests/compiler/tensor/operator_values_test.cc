// What operators compute, against plain loops over flat arrays written here.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "compiler/loop/interpreter.h"
#include "compiler/tensor/operators.h"
#include "tests/testing/equivalence.h"

namespace lathe {
namespace {

using Values = std::vector<double>;

// One use of an operator: its inputs, and its only output.
struct Use {
  std::vector<Values> inputs;
  Values output;
};

Values ToValues(const TensorValue& tensor) {
  Values values;
  for (int64_t i = 0; i < tensor.NumElements(); ++i) values.push_back(tensor.Get(i));
  return values;
}

Use Compute(const std::string& spec) {
  SCOPED_TRACE(spec);
  absl::StatusOr<Function> function = BuildOperator(spec);
  EXPECT_TRUE(function.ok()) << function.status().message();
  absl::StatusOr<Program> naive = BuildNaive(*function);
  EXPECT_TRUE(naive.ok()) << naive.status();
  std::vector<TensorValue> inputs = testing::SmallIntegerInputs(*naive, 7);
  absl::StatusOr<std::vector<TensorValue>> outputs = Interpret(*naive, inputs);
  EXPECT_TRUE(outputs.ok()) << outputs.status();
  Use use;
  for (const TensorValue& input : inputs) use.inputs.push_back(ToValues(input));
  use.output = ToValues((*outputs)[0]);
  return use;
}

void ExpectNear(const Values& expected, const Values& actual, double tolerance = 0) {
  ASSERT_EQ(expected.size(), actual.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(expected[i], actual[i], tolerance * (1 + std::abs(expected[i]))) << "at " << i;
  }
}

double Sigmoid(double v) { return 1 / (1 + std::exp(-v)); }
double Gelu(double v) { return v * std::erfc(-v / std::sqrt(2.0)) / 2; }

TEST(OperatorValues, MatmulWithTransposes) {
  const int m = 3, n = 5, k = 7;
  for (bool ta : {false, true}) {
    for (bool tb : {false, true}) {
      Use use = Compute("matmul(m=3,n=5,k=7,bias=1,ta=" + std::to_string(ta) +
                        ",tb=" + std::to_string(tb) + ")");
      Values expected(m * n);
      for (int i = 0; i < m; ++i) {
        for (int j = 0; j < n; ++j) {
          double sum = use.inputs[2][j];
          for (int l = 0; l < k; ++l) {
            sum += use.inputs[0][ta ? l * m + i : i * k + l] *
                   use.inputs[1][tb ? j * k + l : l * n + j];
          }
          expected[i * n + j] = sum;
        }
      }
      ExpectNear(expected, use.output);
    }
  }
}

TEST(OperatorValues, BatchMatmul) {
  Use use = Compute("batch_matmul(batch=2,m=3,n=5,k=4,tb=1)");
  Values expected;
  for (int b = 0; b < 2; ++b) {
    for (int i = 0; i < 3; ++i) {
      for (int j = 0; j < 5; ++j) {
        const double* row = &use.inputs[0][(b * 3 + i) * 4];
        expected.push_back(std::inner_product(row, row + 4, &use.inputs[1][(b * 5 + j) * 4], 0.0));
      }
    }
  }
  ExpectNear(expected, use.output);
}

TEST(OperatorValues, LinearGelu) {
  Use use = Compute("linear(m=3,k=5,n=7,act=gelu,tw=1)");
  Values expected;
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 7; ++j) {
      double sum = use.inputs[2][j];
      for (int k = 0; k < 5; ++k) sum += use.inputs[0][i * 5 + k] * use.inputs[1][j * 5 + k];
      expected.push_back(Gelu(sum));
    }
  }
  ExpectNear(expected, use.output, 1e-5);
}

TEST(OperatorValues, BytesAreSummedAsIntegers) {
  Use use = Compute("matmul(m=2,n=3,k=9,type=u8i8)");
  Values expected;
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < 3; ++j) {
      double sum = 0;
      for (int k = 0; k < 9; ++k) sum += use.inputs[0][i * 9 + k] * use.inputs[1][k * 3 + j];
      expected.push_back(sum);
    }
  }
  ExpectNear(expected, use.output);
}

// A convolution or a pooling in one layout: where elements of x, f and y lie.
struct Spatial {
  int n, h, w, c, o, r, s, stride, padding, dilation, groups;
  bool channels_first;

  std::string Arguments() const {
    auto set = [](const char* name, int value) {
      return std::string(",") + name + "=" + std::to_string(value);
    };
    return "n=" + std::to_string(n) + set("h", h) + set("w", w) + set("c", c) + set("r", r) +
           set("s", s) + set("stride", stride) + set("padding", padding) +
           (channels_first ? ",layout=nchw" : ",layout=nhwc");
  }
  int OutputHeight() const { return (h + 2 * padding - dilation * (r - 1) - 1) / stride + 1; }
  int OutputWidth() const { return (w + 2 * padding - dilation * (s - 1) - 1) / stride + 1; }
  int Index(int image, int y, int x, int channel, int height, int width, int channels) const {
    return channels_first ? ((image * channels + channel) * height + y) * width + x
                          : ((image * height + y) * width + x) * channels + channel;
  }
  int FilterIndex(int p, int q, int channel, int output) const {  // channel within its group
    int channels = c / groups;
    return channels_first ? ((output * channels + channel) * r + p) * s + q
                          : ((p * s + q) * channels + channel) * o + output;
  }

  // y, of which every element is body(image, y, x, output).
  template <typename Body>
  Values Map(const Body& body) const {
    Values result(n * OutputHeight() * OutputWidth() * o);
    for (int image = 0; image < n; ++image) {
      for (int y = 0; y < OutputHeight(); ++y) {
        for (int x = 0; x < OutputWidth(); ++x) {
          for (int output = 0; output < o; ++output) {
            result[Index(image, y, x, output, OutputHeight(), OutputWidth(), o)] =
                body(image, y, x, output);
          }
        }
      }
    }
    return result;
  }
  // Calls visit(p, q, row, column) for the taps that lie inside x.
  template <typename Visit>
  void Taps(int y, int x, const Visit& visit) const {
    for (int p = 0; p < r; ++p) {
      for (int q = 0; q < s; ++q) {
        int row = y * stride + p * dilation - padding;
        int column = x * stride + q * dilation - padding;
        if (row >= 0 && row < h && column >= 0 && column < w) visit(p, q, row, column);
      }
    }
  }
};

TEST(OperatorValues, Conv2d) {
  for (Spatial d : {Spatial{1, 5, 7, 3, 5, 3, 3, 1, 1, 1, 1, false},
                    Spatial{2, 7, 5, 3, 2, 1, 3, 2, 0, 1, 1, false},
                    Spatial{1, 6, 7, 4, 6, 3, 2, 1, 2, 2, 2, false},
                    Spatial{2, 5, 7, 3, 5, 3, 3, 1, 1, 1, 1, true},
                    Spatial{1, 9, 8, 6, 9, 2, 3, 3, 1, 2, 3, true}}) {
    Use use = Compute("conv2d(" + d.Arguments() + ",o=" + std::to_string(d.o) +
                      ",dilation=" + std::to_string(d.dilation) +
                      ",groups=" + std::to_string(d.groups) + ",bias=1,act=relu)");
    int each = d.c / d.groups;
    Values expected = d.Map([&](int image, int y, int x, int output) {
      double sum = use.inputs[2][output];
      int first = output / (d.o / d.groups) * each;
      d.Taps(y, x, [&](int p, int q, int row, int column) {
        for (int channel = 0; channel < each; ++channel) {
          sum += use.inputs[0][d.Index(image, row, column, first + channel, d.h, d.w, d.c)] *
                 use.inputs[1][d.FilterIndex(p, q, channel, output)];
        }
      });
      return std::max(sum, 0.0);
    });
    ExpectNear(expected, use.output);
  }
}

// A line is an image of height one.
TEST(OperatorValues, Conv1d) {
  Spatial d{2, 1, 11, 4, 6, 1, 3, 2, 0, 2, 2, false};
  Use use = Compute("conv1d(n=2,w=11,c=4,o=6,s=3,stride=2,dilation=2,groups=2)");
  Values expected = d.Map([&](int image, int y, int x, int output) {
    double sum = 0;
    d.Taps(y, x, [&](int p, int q, int row, int column) {
      for (int channel = 0; channel < 2; ++channel) {
        sum += use.inputs[0][d.Index(image, row, column, output / 3 * 2 + channel, 1, 11, 4)] *
               use.inputs[1][d.FilterIndex(p, q, channel, output)];
      }
    });
    return sum;
  });
  ExpectNear(expected, use.output);
}

TEST(OperatorValues, DepthwiseAndPooling) {
  for (bool first : {false, true}) {
    Spatial d{2, 7, 6, 3, 3, 3, 2, 2, 1, 1, 3, first};
    Use use = Compute("depthwise_conv2d(" + d.Arguments() + ")");
    auto x_at = [&](int image, int row, int column, int channel) {
      return use.inputs[0][d.Index(image, row, column, channel, d.h, d.w, d.c)];
    };
    ExpectNear(d.Map([&](int image, int y, int x, int channel) {
      double sum = 0;
      d.Taps(y, x, [&](int p, int q, int row, int column) {
        sum += x_at(image, row, column, channel) * use.inputs[1][d.FilterIndex(p, q, 0, channel)];
      });
      return sum;
    }),
               use.output);

    use = Compute("max_pool2d(" + d.Arguments() + ")");
    ExpectNear(d.Map([&](int image, int y, int x, int channel) {
      double top = -std::numeric_limits<double>::infinity();
      d.Taps(y, x, [&](int, int, int row, int column) {
        top = std::max(top, x_at(image, row, column, channel));
      });
      return top;
    }),
               use.output);

    for (bool count_padding : {false, true}) {
      use = Compute("avg_pool2d(" + d.Arguments() +
                    ",count_padding=" + std::to_string(count_padding) + ")");
      ExpectNear(d.Map([&](int image, int y, int x, int channel) {
        double sum = 0;
        int count = 0;
        d.Taps(y, x, [&](int, int, int row, int column) {
          sum += x_at(image, row, column, channel);
          ++count;
        });
        return sum / (count_padding ? d.r * d.s : count);
      }),
                 use.output, 1e-6);
    }
  }
}

TEST(OperatorValues, Normalizations) {
  const int rows = 3, columns = 7;
  for (const char* name : {"layer_norm", "rms_norm", "softmax"}) {
    Use use =
        Compute(std::string(name) + "(rows=3,columns=7" + (name[0] == 's' ? ")" : ",eps=0.5)"));
    Values expected;
    for (int i = 0; i < rows; ++i) {
      const double* x = &use.inputs[0][i * columns];
      double mean = std::accumulate(x, x + columns, 0.0) / columns;
      double squares = 0, variance = 0, exponentials = 0;
      for (int j = 0; j < columns; ++j) {
        squares += x[j] * x[j] / columns;
        variance += (x[j] - mean) * (x[j] - mean) / columns;
        exponentials += std::exp(x[j]);
      }
      for (int j = 0; j < columns; ++j) {
        if (name[0] == 's') {
          expected.push_back(std::exp(x[j]) / exponentials);
        } else if (name[0] == 'r') {
          expected.push_back(x[j] / std::sqrt(squares + 0.5) * use.inputs[1][j]);
        } else {
          expected.push_back((x[j] - mean) / std::sqrt(variance + 0.5) * use.inputs[1][j] +
                             use.inputs[2][j]);
        }
      }
    }
    ExpectNear(expected, use.output, 1e-5);
  }
}

TEST(OperatorValues, Attention) {
  const int heads = 2, seq = 5, dim = 3;
  Use use = Compute("attention(heads=2,seq=5,dim=3)");
  Values expected(heads * seq * dim);
  for (int h = 0; h < heads; ++h) {
    for (int i = 0; i < seq; ++i) {
      Values weights(seq);
      for (int j = 0; j < seq; ++j) {
        const double* q = &use.inputs[0][(h * seq + i) * dim];
        double score = std::inner_product(q, q + dim, &use.inputs[1][(h * seq + j) * dim], 0.0);
        weights[j] = std::exp(score / std::sqrt(3.0));
      }
      double total = std::accumulate(weights.begin(), weights.end(), 0.0);
      for (int j = 0; j < seq; ++j) {
        for (int d = 0; d < dim; ++d) {
          expected[(h * seq + i) * dim + d] +=
              weights[j] / total * use.inputs[2][(h * seq + j) * dim + d];
        }
      }
    }
  }
  ExpectNear(expected, use.output, 1e-5);
}

TEST(OperatorValues, TriangleMultiplication) {
  const int n = 4, c = 3;
  for (bool incoming : {false, true}) {
    Use use = Compute(std::string("triangle_multiplication(n=4,c=3,edges=") +
                      (incoming ? "incoming)" : "outgoing)"));
    auto edge = [&](int operand, int from, int to, int channel) {
      return use
          .inputs[operand][((incoming ? to : from) * n + (incoming ? from : to)) * c + channel];
    };
    Values expected;
    for (int i = 0; i < n; ++i) {
      for (int j = 0; j < n; ++j) {
        for (int channel = 0; channel < c; ++channel) {
          double sum = 0;
          for (int k = 0; k < n; ++k) sum += edge(0, i, k, channel) * edge(1, j, k, channel);
          expected.push_back(sum);
        }
      }
    }
    ExpectNear(expected, use.output);
  }
}

TEST(OperatorValues, Reductions) {
  const int rows = 3, columns = 5;
  auto fold = [](const std::string& what, const Values& values) {
    if (what == "max") return *std::max_element(values.begin(), values.end());
    if (what == "min") return *std::min_element(values.begin(), values.end());
    double sum = std::accumulate(values.begin(), values.end(), 0.0);
    return what == "sum" ? sum : sum / static_cast<double>(values.size());
  };
  for (const std::string what : {"max", "mean", "min", "sum"}) {
    Use use = Compute("row_" + what + "(rows=3,columns=5)");
    Values expected;
    for (int i = 0; i < rows; ++i) {
      const double* x = &use.inputs[0][i * columns];
      expected.push_back(fold(what, Values(x, x + columns)));
    }
    ExpectNear(expected, use.output, 1e-6);

    use = Compute("column_" + what + "(rows=3,columns=5)");
    expected.clear();
    for (int j = 0; j < columns; ++j) {
      Values column;
      for (int i = 0; i < rows; ++i) column.push_back(use.inputs[0][i * columns + j]);
      expected.push_back(fold(what, column));
    }
    ExpectNear(expected, use.output, 1e-6);
  }
}

TEST(OperatorValues, ElementwiseChains) {
  struct Chain {
    const char* name;
    double (*of)(double x, double y, double z);  // the operands of one element
  };
  const Chain chains[] = {
      {"add", [](double x, double y, double) { return x + y; }},
      {"add_relu", [](double x, double y, double) { return std::max(x + y, 0.0); }},
      {"bias_add", [](double x, double y, double) { return x + y; }},
      {"bias_gelu", [](double x, double y, double) { return Gelu(x + y); }},
      {"bias_relu", [](double x, double y, double) { return std::max(x + y, 0.0); }},
      {"gelu", [](double x, double, double) { return Gelu(x); }},
      {"gelu_tanh",
       [](double x, double, double) {
         return x * (1 + std::tanh(std::sqrt(2 / std::acos(-1)) * (x + 0.044715 * x * x * x))) / 2;
       }},
      {"hard_swish",
       [](double x, double, double) { return x * std::clamp(x / 6 + 0.5, 0.0, 1.0); }},
      {"mul", [](double x, double y, double) { return x * y; }},
      {"relu", [](double x, double, double) { return std::max(x, 0.0); }},
      {"scale_shift", [](double x, double y, double z) { return x * y + z; }},
      {"sigmoid", [](double x, double, double) { return Sigmoid(x); }},
      {"silu", [](double x, double, double) { return x * Sigmoid(x); }},
      {"sub", [](double x, double y, double) { return x - y; }},
      {"tanh", [](double x, double, double) { return std::tanh(x); }},
  };
  for (const Chain& chain : chains) {
    SCOPED_TRACE(chain.name);
    Use use = Compute(std::string(chain.name) + "(rows=3,columns=5)");
    Values expected;
    for (size_t i = 0; i < 15; ++i) {
      auto operand = [&](size_t index) {
        if (index >= use.inputs.size()) return 0.0;
        const Values& values = use.inputs[index];
        return values[i % values.size()];  // one row serves all
      };
      expected.push_back(chain.of(operand(0), operand(1), operand(2)));
    }
    ExpectNear(expected, use.output, 1e-5);
  }
}

}  // namespace
}  // namespace lathe
