#include "tests/testing/operator_cases.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "compiler/base/check.h"
#include "compiler/base/source_error.h"
#include "compiler/tensor/operators.h"

namespace lathe::testing {
namespace {

using Shapes = std::vector<std::string_view>;

// Operators that are not listed take a matrix.
const Shapes kMatrices = {"rows=3,columns=17", "rows=7,columns=5"};

const std::map<std::string_view, Shapes>& ShapesByOperator() {
  static const auto& shapes = *new std::map<std::string_view, Shapes>{
      {"attention", {"heads=2,seq=5,dim=3", "heads=1,seq=7,dim=9"}},
      {"avg_pool2d",
       {"h=7,w=5,c=3,padding=1", "h=5,w=9,c=3,r=3,s=3,layout=nchw",
        "h=5,w=5,c=1,r=3,s=3,stride=1,padding=1,count_padding=1"}},
      {"batch_matmul",
       {"batch=3,m=5,n=7,k=3", "batch=1,m=3,n=9,k=5,ta=1,tb=1,const_b=1",
        "batch=2,m=3,n=3,k=5,"
        "out=f32"}},
      {"conv1d",
       {"w=11,c=3,o=5,padding=1,bias=1,act=relu",
        "n=2,w=13,c=4,o=6,stride=2,dilation=2,groups=2,layout=ncw,const_w=0"}},
      {"conv2d",
       {"h=5,w=7,c=3,o=5,padding=1,bias=1,act=relu",
        "n=2,h=7,w=5,c=3,o=2,r=1,s=3,layout=nchw,"
        "stride=2,out=f32",
        "h=5,w=5,c=4,o=6,dilation=2,padding=2,groups=2,const_w=0"}},
      {"depthwise_conv2d",
       {"h=5,w=7,c=3,padding=1,stride=2", "h=5,w=5,c=3,r=5,s=1,layout=nchw,bias=1"}},
      {"linear",
       {"m=3,k=5,n=7", "m=1,k=9,n=17,act=relu,out=f32", "m=5,k=3,n=3,bias=0,tw=1,const_w=0"}},
      {"linear_relu", {"m=1,k=5,n=19", "m=3,k=7,n=5"}},
      {"matmul",
       {"m=5,n=17,k=3", "m=3,n=5,k=7,ta=1,bias=1,relu=1", "m=7,n=3,k=5,tb=1,const_b=1,out=f32"}},
      {"max_pool2d",
       {"h=7,w=5,c=3,padding=1", "h=7,w=9,c=3,r=3,s=3,dilation=2,stride=1,layout=nchw"}},
      {"triangle_multiplication", {"n=5,c=3", "n=3,c=17,edges=incoming"}},
  };
  return shapes;
}

const Shapes& ShapesOf(const Operator& op) {
  auto it = ShapesByOperator().find(op.name);
  if (it != ShapesByOperator().end()) return it->second;
  CHECK(op.parameters.size() >= 2 && op.parameters[0].name == "rows" &&
        op.parameters[1].name == "columns")
      << "operator " << op.name << " needs shapes here";
  return kMatrices;
}

}  // namespace

std::vector<std::string> OperatorCases() {
  std::vector<std::string> cases;
  for (const Operator& op : Operators()) {
    auto type = std::find_if(op.parameters.begin(), op.parameters.end(),
                             [](const OperatorParameter& p) { return p.name == "type"; });
    CHECK(type != op.parameters.end()) << op.name << " has no types";
    for (std::string_view shape : ShapesOf(op)) {
      for (std::string_view word : type->words) {
        cases.push_back(
            absl::StrCat(ToAbsl(op.name), "(", ToAbsl(shape), ",type=", ToAbsl(word), ")"));
      }
    }
  }
  cases.push_back("linear(m=3,k=5,n=7,act=gelu)");
  cases.push_back("linear(m=3,k=5,n=7,act=gelu,type=bf16)");
  return cases;
}

}  // namespace lathe::testing
