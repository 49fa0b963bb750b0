#include "compiler/loop/simplify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "compiler/base/source_error.h"
#include "compiler/tensor/scalar_math.h"

namespace lathe {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

// Short forms for the tables below.
Expr Int(int64_t value) { return MakeInt(value); }
Expr operator/(const Expr& a, int64_t b) { return MakeBinary(BinaryOp::kFloorDiv, a, Int(b)); }
Expr operator%(const Expr& a, int64_t b) { return MakeBinary(BinaryOp::kMod, a, Int(b)); }
Expr operator<(const Expr& a, const Expr& b) { return MakeBinary(BinaryOp::kLt, a, b); }
Expr operator<=(const Expr& a, const Expr& b) { return MakeBinary(BinaryOp::kLe, a, b); }
Expr operator>(const Expr& a, const Expr& b) { return MakeBinary(BinaryOp::kGt, a, b); }
Expr operator>=(const Expr& a, const Expr& b) { return MakeBinary(BinaryOp::kGe, a, b); }
Expr operator==(const Expr& a, const Expr& b) { return MakeBinary(BinaryOp::kEq, a, b); }
Expr operator!=(const Expr& a, const Expr& b) { return MakeBinary(BinaryOp::kNe, a, b); }
Expr operator&&(const Expr& a, const Expr& b) { return MakeBinary(BinaryOp::kAnd, a, b); }
Expr operator||(const Expr& a, const Expr& b) { return MakeBinary(BinaryOp::kOr, a, b); }
Expr Not(const Expr& a) { return MakeUnary(UnaryOp::kNot, a); }
Expr Min(const Expr& a, const Expr& b) { return MakeBinary(BinaryOp::kMin, a, b); }
Expr Max(const Expr& a, const Expr& b) { return MakeBinary(BinaryOp::kMax, a, b); }
Expr operator-(const Expr& a) { return MakeUnary(UnaryOp::kNeg, a); }
constexpr Type kF32{ScalarType::kF32, 1};
Expr F32(double value) { return MakeFloat(value, kF32); }
Expr Load(const Expr& index) { return MakeRead(kF32.WithLanes(index.type().lanes), "x", {index}); }

// Prints just enough to read a failure.
std::string Show(const Expr& e) {
  switch (e.kind()) {
    case ExprKind::kIntImm:
      return absl::StrCat(e.As<IntImm>()->value);
    case ExprKind::kFloatImm:
      return absl::StrCat(e.As<FloatImm>()->value);
    case ExprKind::kVar:
      return e.As<Var>()->name;
    case ExprKind::kUnary:
      return absl::StrCat(ToAbsl(Name(e.As<Unary>()->op)), "(", Show(e.As<Unary>()->a), ")");
    case ExprKind::kBinary: {
      const auto& node = *e.As<Binary>();
      return absl::StrCat("(", Show(node.a), " ", ToAbsl(Name(node.op)), " ", Show(node.b), ")");
    }
    case ExprKind::kSelect: {
      const auto& node = *e.As<Select>();
      return absl::StrCat("select(", Show(node.condition), ", ", Show(node.a), ", ", Show(node.b),
                          ")");
    }
    case ExprKind::kCast:
      return absl::StrCat(Name(e.type()), "(", Show(e.As<Cast>()->value), ")");
    case ExprKind::kRead: {
      const auto& node = *e.As<Read>();
      std::string guard = node.predicate ? absl::StrCat(" if ", Show(node.predicate)) : "";
      return absl::StrCat(node.buffer, "[", Show(node.indices.at(0)), "]", guard);
    }
    case ExprKind::kReduce:
      return "reduce";
    case ExprKind::kRamp: {
      const auto& node = *e.As<Ramp>();
      return absl::StrCat("ramp(", Show(node.base), ", ", node.stride, ", ", node.type.lanes, ")");
    }
    case ExprKind::kBroadcast:
      return absl::StrCat("broadcast(", Show(e.As<Broadcast>()->value), ", ", e.type().lanes, ")");
    case ExprKind::kLaneReduce:
      return absl::StrCat("lanes(", Show(e.As<LaneReduce>()->value), ")");
  }
  return "";
}

// Bounds of the tables: i in 0..11, j in 0..99, k unbounded, one in 1..1.
class SimplifyTest : public ::testing::Test {
 protected:
  void Check(const Expr& input, const Expr& expected) {
    Expr actual = Simplify(input, bounds_);
    EXPECT_TRUE(StructurallyEqual(actual, expected))
        << Show(input) << "\n  became   " << Show(actual) << "\n  expected " << Show(expected);
    EXPECT_TRUE(Simplify(actual, bounds_).SameAs(actual)) << "not stable: " << Show(actual);
  }

  const Expr i = MakeVar("i"), j = MakeVar("j"), k = MakeVar("k"), one = MakeVar("one");
  Bounds bounds_ = {
      {"i", Interval::Of(0, 11)}, {"j", Interval::Of(0, 99)}, {"one", Interval::Exactly(1)}};
};

TEST_F(SimplifyTest, SumsTakeNormalForm) {
  Check(j + i, i + j);
  Check(i + i + 3 - 1, i * 2 + 2);
  Check((j + 2) * 4 - j, j * 3 + 8);
  Check(i - i, Int(0));
  Check(Int(3) - i, Int(3) - i);
  Check(Int(0) - i, -i);
  Check(i * -2 - 5, i * -2 - 5);
  Check(i - (j - k), i + k - j);
  Check(one * 5 + j, j + 5);
  Check(j * i + i * j, i * j * 2);
}

TEST_F(SimplifyTest, QuotientsAndRemainders) {
  Check((k * 12 + i) / 12, k);
  Check((k * 12 + i) % 12, i);
  Check((k * 12 + j) / 12, k + j / 12);
  Check((k * 12 + j) % 12, j % 12);
  Check((k * 24 + i) / 12, k * 2);
  Check((k * 24 + i * 2 + 1) % 24, i * 2 + 1);
  Check((k * 4 + 8) % 12, (k + 2) % 3 * 4);
  Check((k * 4 + 1) / 12, k / 3);
  Check(k / 3 / 4, k / 12);
  Check((k / 3 + 5) / 4, (k + 3) / 12 + 1);
  Check(k % 12 % 4, k % 4);
  Check(k % 12 / 4, k / 4 % 3);
  Check(k / 12 * 12 + k % 12, k);
  Check(k - k / 12 * 12, k % 12);
  Check(k / 12 * 24 + k % 12 * 2 + j, j + k * 2);
  // Two loops fused twice, then used for one address.
  Check(k / 20 * 20 + k / 4 % 5 * 4 + k % 4, k);
  Check(k % 8 + k / 16 * 16 + k / 8 % 2 * 8, k);
  Check((k % 8 + k / 16 * 16 + k / 8 % 2 * 8) == k, MakeBool(true));
  Check(i / 12, Int(0));
  Check((i - 12) / 12, Int(-1));
  Check((k + 25) / 12, (k + 1) / 12 + 2);
  Check((j + k) / 1, j + k);
}

TEST_F(SimplifyTest, ComparisonsAreDecidedByBounds) {
  Check(i < Int(12), MakeBool(true));
  Check(i < Int(11), i < Int(11));
  Check(i >= Int(12), MakeBool(false));
  Check(i <= Int(3), i < Int(4));
  Check(i > Int(3), Int(3) < i);
  Check(i * 12 + 3 < Int(40), i < Int(4));
  Check(k * 12 + i < Int(36), k < Int(3));
  Check(k * 12 + i < j * 12, k < j);
  Check(k * 16 + i < Int(200), i + k * 16 < Int(200));
  Check(k + 1 <= k, MakeBool(false));
  Check(i == j, i == j);
  Check(i == Int(12), MakeBool(false));
  Check(k * 4 == Int(6), MakeBool(false));
  Check(k / 12 < Int(3), k < Int(36));
  Check(k / 12 > Int(3), Int(47) < k);
  Check(k * 4 != Int(6), MakeBool(true));
  Check(i != i, MakeBool(false));
}

TEST_F(SimplifyTest, ConditionsFold) {
  Expr a = i < Int(5), b = j < Int(7);
  Check(a && MakeBool(true), a);
  Check(a && MakeBool(false), MakeBool(false));
  Check(a || MakeBool(true), MakeBool(true));
  Check((a && b) && a, a && b);
  Check(Not(Not(a)), a);
  Check(Not(a), Int(4) < i);
  Check(MakeSelect(i < Int(12), F32(1), F32(2)), F32(1));
  Check(MakeSelect(a, j + i, i + j), i + j);
}

TEST_F(SimplifyTest, MinAndMax) {
  Check(Min(i, Int(20)), i);
  Check(Max(i, Int(20)), Int(20));
  Check(Min(Int(5), i), Min(i, Int(5)));
  Check(Min(k + 1, k), k);
  Check(Max(i + j, j), i + j);
}

TEST_F(SimplifyTest, FloatsKeepTheirBits) {
  Expr x = Load(i);
  Check(x * F32(1), x);
  Check(x + F32(-0.0), x);
  Check(x - F32(0), x);
  Check(x + F32(0), x + F32(0));
  Check(x * F32(0), x * F32(0));
  Check(x - x, x - x);
  Check(F32(0.1) + F32(0.2), F32(0.1f + 0.2f));
  Check(MakeCast(kF32, Int(3)), F32(3));
}

TEST_F(SimplifyTest, ElementsMayOverflowSoTheyAreLeftAlone) {
  Expr e = MakeRead(kIndexType, "n", {i});
  Check((e * 12) / 12, (e * 12) / 12);
  Check(e < e + 1, e < e + 1);
  Check(e - e, Int(0));
}

TEST_F(SimplifyTest, Vectors) {
  auto wide = [](const Expr& e) { return MakeBroadcast(e, 8); };
  auto ramp = [](const Expr& e, int64_t stride) { return MakeRamp(e, stride, 8); };
  Check(ramp(k, 1) + wide(j), ramp(j + k, 1));
  Check(ramp(k, 1) * wide(Int(4)), ramp(k * 4, 4));
  Check(ramp(k, 1) - ramp(j, 1), wide(k - j));
  Check(wide(i) + wide(Int(2)), wide(i + 2));
  Check(ramp(Int(0), 1) < wide(Int(8)), MakeBroadcast(MakeBool(true), 8));
  Check(ramp(i, 1) < wide(Int(19)), MakeBroadcast(MakeBool(true), 8));
  Check(ramp(i, 1) < wide(Int(12)), ramp(i, 1) < wide(Int(12)));
  Check(MakeBinary(BinaryOp::kFloorDiv, ramp(k * 8, 1), wide(Int(8))), wide(k));
  Check(MakeBinary(BinaryOp::kMod, ramp(k * 8, 1), wide(Int(8))), ramp(Int(0), 1));
  Check(MakeBinary(BinaryOp::kFloorDiv, ramp(k, 8), wide(Int(8))), ramp(k / 8, 1));
  Check(Load(wide(i + 1)), wide(Load(i + 1)));
  Check(wide(Load(i)) * wide(F32(1)), wide(Load(i)));
  Check(Load(ramp(i, 1)) * wide(F32(1)), Load(ramp(i, 1)));
}

TEST_F(SimplifyTest, GuardedReads) {
  auto guarded = [&](const Expr& predicate) { return MakeRead(kF32, "x", {i}, predicate, F32(0)); };
  Check(guarded(i < Int(12)), Load(i));
  Check(guarded(Int(12) < i), F32(0));
  Check(guarded(i <= Int(3)), guarded(i < Int(4)));
}

TEST_F(SimplifyTest, AffineForm) {
  auto affine = AsAffine(i * 12 + 3 - (j - i) * 2);
  ASSERT_TRUE(affine);
  EXPECT_EQ(affine->constant, 3);
  EXPECT_THAT(affine->terms, ElementsAre(Pair("i", 14), Pair("j", -2)));
  EXPECT_FALSE(AsAffine(i / 2));
  EXPECT_FALSE(AsAffine(i * j));
}

TEST_F(SimplifyTest, BoundsAreTight) {
  auto expect = [&](const Expr& e, Interval expected) {
    Interval actual = BoundsOf(e, bounds_);
    EXPECT_EQ(actual.min, expected.min) << Show(e);
    EXPECT_EQ(actual.max, expected.max) << Show(e);
  };
  expect(i * 12 - j, Interval::Of(-99, 132));
  expect(i - i, Interval::Exactly(0));
  expect(j / 12, Interval::Of(0, 8));
  expect(j % 12, Interval::Of(0, 11));
  expect((i + 24) % 12, Interval::Of(0, 11));
  expect(k % 5, Interval::Of(0, 4));
  expect(k, Interval());
  expect(Min(i, k), Interval{std::nullopt, 11});
  expect(Max(i, k), Interval{0, std::nullopt});
  expect(MakeRamp(i, 2, 8), Interval::Of(0, 25));
  expect(MakeUnary(UnaryOp::kAbs, i - 20), Interval::Of(9, 20));
  expect(MakeUnary(UnaryOp::kAbs, i - 3), Interval::Of(0, 8));
  expect(MakeCast({ScalarType::kI8, 1}, j), Interval::Of(0, 99));
  expect(MakeCast({ScalarType::kI8, 1}, j * 2), Interval::Of(-128, 127));
  expect(i < j, Interval::Of(0, 1));
}

TEST(SimplifyStmt, UnwrapsDropsAndReplaces) {
  Expr i = MakeVar("i"), j = MakeVar("j");
  auto store = [](const Expr& index, const Expr& predicate = Expr()) {
    return MakeStore("y", StoreRole::kWhole, {}, "y", {index}, F32(0), predicate);
  };
  auto only = [](const Stmt& s) { return s.As<Store>(); };
  // A loop of extent one becomes its body.
  Stmt s = Simplify(MakeFor("i", 1, {}, store(i + 3)));
  ASSERT_TRUE(only(s));
  EXPECT_TRUE(StructurallyEqual(only(s)->indices[0], Int(3)));
  // Conditions that always or never hold.
  EXPECT_TRUE(
      Simplify(MakeFor("i", 4, {}, MakeIf(i < Int(4), store(i)))).As<For>()->body.As<Store>());
  EXPECT_FALSE(Simplify(MakeFor("i", 4, {}, MakeIf(i > Int(4), store(i)))));
  EXPECT_FALSE(
      Simplify(MakeFor("i", 4, {}, store(i, i < Int(4)))).As<For>()->body.As<Store>()->predicate);
  EXPECT_FALSE(Simplify(store(Int(0), MakeBool(false))));
  // What holds inside an If is known there, and only there.
  Stmt inner = MakeIf(i < Int(2), store(i, i < Int(2)));
  s = Simplify(MakeFor("i", 4, {}, MakeSequence({inner, store(i, i < Int(2))})));
  const auto* sequence = s.As<For>()->body.As<Sequence>();
  ASSERT_TRUE(sequence);
  EXPECT_FALSE(sequence->stmts[0].As<If>()->then.As<Store>()->predicate);
  EXPECT_TRUE(sequence->stmts[1].As<Store>()->predicate);
  s = Simplify(MakeFor("i", 4, {}, MakeIf(i < Int(1), store(i * 2))));
  EXPECT_TRUE(StructurallyEqual(s.As<For>()->body.As<If>()->then.As<Store>()->indices[0], Int(0)));
  s = Simplify(MakeFor(
      "i", 9, {}, MakeFor("j", 9, {}, MakeIf(i * 5 + j < Int(7), store(j, i * 5 + j < Int(9))))));
  EXPECT_FALSE(s.As<For>()->body.As<For>()->body.As<If>()->then.As<Store>()->predicate);
  // The same handle where nothing changes.
  Stmt loop = MakeFor("i", 4, {}, MakeFor("j", 5, {}, store(i * 5 + j)));
  EXPECT_TRUE(Simplify(loop).SameAs(loop));
}

// Random expressions mean the same before and after, at random points.
class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  int64_t Next(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(engine_() % static_cast<uint64_t>(high - low + 1));
  }

  Expr Integer(int depth, int lanes) {
    if (depth == 0 || Next(0, 5) == 0) return Leaf(lanes);
    auto sub = [&] { return Integer(depth - 1, lanes); };
    auto constant = [&](int64_t low, int64_t high) {
      return MakeBroadcast(Int(Next(low, high)), lanes);
    };
    switch (Next(0, 9)) {
      case 0:
      case 1:
        return sub() + sub();
      case 2:
        return sub() - sub();
      case 3:
        return sub() * constant(-13, 13);
      case 4:
        return MakeBinary(BinaryOp::kFloorDiv, sub(), constant(1, 13));
      case 5:
        return MakeBinary(BinaryOp::kMod, sub(), constant(1, 13));
      case 6:
        return MakeBinary(Next(0, 1) ? BinaryOp::kMin : BinaryOp::kMax, sub(), sub());
      case 7:
        return MakeSelect(Condition(depth - 1, lanes), sub(), sub());
      case 8:
        return MakeUnary(Next(0, 1) ? UnaryOp::kNeg : UnaryOp::kAbs, sub());
      default: {
        // A sum with quotient and remainder of one value, as fused loops make.
        Expr x = sub(), c = constant(1, 13);
        Expr quotient = MakeBinary(BinaryOp::kFloorDiv, x, c);
        return quotient * c + MakeBinary(BinaryOp::kMod, x, c);
      }
    }
  }

  Expr Condition(int depth, int lanes) {
    if (depth > 0 && Next(0, 2) == 0) {
      Expr a = Condition(depth - 1, lanes);
      if (Next(0, 3) == 0) return Not(a);
      return MakeBinary(Next(0, 1) ? BinaryOp::kAnd : BinaryOp::kOr, a,
                        Condition(depth - 1, lanes));
    }
    auto op = static_cast<BinaryOp>(
        Next(static_cast<int>(BinaryOp::kLt), static_cast<int>(BinaryOp::kNe)));
    return MakeBinary(op, Integer(depth, lanes), Integer(depth, lanes));
  }

 private:
  Expr Leaf(int lanes) {
    if (lanes > 1 && Next(0, 1)) return MakeRamp(Leaf(1), Next(-12, 12), lanes);
    const char* names[] = {"a", "b", "c", "one"};
    Expr scalar = Next(0, 2) ? MakeVar(names[Next(0, 3)]) : Int(Next(-30, 30));
    return MakeBroadcast(scalar, lanes);
  }

  std::mt19937_64 engine_;
};

using Point = absl::flat_hash_map<std::string, int64_t>;

int64_t Apply(BinaryOp op, int64_t a, int64_t b) {
  if (op == BinaryOp::kFloorDiv) return FloorDiv(a, b);
  if (op == BinaryOp::kMod) return FloorMod(a, b);
  return *AsConstInt(MakeBinary(op, Int(a), Int(b)));
}

int64_t Evaluate(const Expr& e, int lane, const Point& point) {
  auto value = [&](const Expr& x) { return Evaluate(x, lane, point); };
  switch (e.kind()) {
    case ExprKind::kIntImm:
      return e.As<IntImm>()->value;
    case ExprKind::kVar:
      return point.at(e.As<Var>()->name);
    case ExprKind::kUnary: {
      int64_t a = value(e.As<Unary>()->a);
      if (e.As<Unary>()->op == UnaryOp::kNot) return !a;
      return e.As<Unary>()->op == UnaryOp::kNeg ? -a : std::abs(a);
    }
    case ExprKind::kBinary: {
      const auto& node = *e.As<Binary>();
      if (node.op == BinaryOp::kAnd) return value(node.a) && value(node.b);
      if (node.op == BinaryOp::kOr) return value(node.a) || value(node.b);
      return Apply(node.op, value(node.a), value(node.b));
    }
    case ExprKind::kSelect:
      return value(e.As<Select>()->condition) ? value(e.As<Select>()->a) : value(e.As<Select>()->b);
    case ExprKind::kRamp:
      return value(e.As<Ramp>()->base) + lane * e.As<Ramp>()->stride;
    case ExprKind::kBroadcast:
      return value(e.As<Broadcast>()->value);
    default:
      ADD_FAILURE() << "unexpected node";
      return 0;
  }
}

TEST(SimplifyRandom, IsEquivalentAndWithinBounds) {
  Bounds bounds = {{"a", Interval::Of(0, 11)},
                   {"b", Interval::Of(-7, 40)},
                   {"c", Interval::Of(0, 3)},
                   {"one", Interval::Exactly(1)}};
  for (uint64_t seed = 1; seed <= 6000; ++seed) {
    Random random(seed);
    int lanes = random.Next(0, 2) == 0 ? 4 : 1;
    int depth = static_cast<int>(random.Next(1, 5));
    Expr before =
        random.Next(0, 2) == 0 ? random.Condition(depth, lanes) : random.Integer(depth, lanes);
    Expr after = Simplify(before, bounds);
    ASSERT_EQ(after.type(), before.type()) << "seed " << seed;
    Interval range = BoundsOf(before, bounds);
    for (int trial = 0; trial < 12; ++trial) {
      Point point;
      for (const auto& [name, bound] : bounds) point[name] = random.Next(*bound.min, *bound.max);
      for (int lane = 0; lane < lanes; ++lane) {
        int64_t expected = Evaluate(before, lane, point);
        ASSERT_EQ(Evaluate(after, lane, point), expected)
            << "seed " << seed << "\n  " << Show(before) << "\n  " << Show(after);
        ASSERT_TRUE((!range.min || *range.min <= expected) &&
                    (!range.max || expected <= *range.max))
            << "seed " << seed << ": " << expected << " is out of bounds of " << Show(before);
      }
    }
  }
}

}  // namespace
}  // namespace lathe
