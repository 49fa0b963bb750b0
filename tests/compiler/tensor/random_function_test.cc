// Properties of random functions: text, keys and references hold for all.
#include "tests/testing/random_function.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "compiler/tensor/reference.h"

namespace lathe {
namespace {

constexpr int kFunctions = 500;

TEST(RandomFunction, TextKeyAndReferenceHold) {
  std::set<std::string> keys;
  for (int seed = 0; seed < kFunctions; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    testing::RandomFunctionOptions options;
    options.functions = seed % 2 == 0;
    options.mixed_types = seed % 3 == 0;
    Function f = testing::RandomFunction(random, options);
    std::string text = ToText(f);

    absl::StatusOr<Function> again = ParseFunction(text, "text");
    ASSERT_TRUE(again.ok()) << again.status().message() << "\n" << text;
    EXPECT_EQ(ToText(*again), text);
    for (size_t i = 0; i < f.stages.size(); ++i) {
      EXPECT_TRUE(StructurallyEqual(f.stages[i].body, again->stages[i].body)) << text;
    }

    FunctionKey key = CanonicalKey(f);
    absl::StatusOr<Function> canonical = ParseFunction(key.text, "key");
    ASSERT_TRUE(canonical.ok()) << canonical.status().message() << "\n" << key.text;
    EXPECT_EQ(CanonicalKey(*canonical).text, key.text);
    EXPECT_EQ(FamilyKey(*canonical), FamilyKey(f));
    keys.insert(key.hash);

    Function reference = ReferenceOf(f);
    EXPECT_TRUE(CheckFunction(reference).ok()) << CheckFunction(reference).message() << text;
    absl::StatusOr<Function> parsed = ParseFunction(ToText(reference), "reference");
    ASSERT_TRUE(parsed.ok()) << parsed.status().message() << "\n" << ToText(reference);
    const auto floating = std::count_if(f.outputs.begin(), f.outputs.end(), [&](const auto& y) {
      return IsFloat(f.FindStage(y)->type);
    });
    EXPECT_EQ(reference.outputs.size(), f.outputs.size() + static_cast<size_t>(floating));
  }
  EXPECT_GT(keys.size(), 0.9 * kFunctions);
}

}  // namespace
}  // namespace lathe
