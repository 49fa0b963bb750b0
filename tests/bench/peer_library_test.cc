#include "bench/peer_library.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bench/operator_call.h"
#include "compiler/tensor/operators.h"

namespace lathe {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const PeerSettings kOneThread{1, ""}, kTwoThreads{2, ""};

// A 1x2 by 2x1 product in plain memory.
class PeerLibraryTest : public ::testing::Test {
 protected:
  std::vector<PeerTensor> Tensors() {
    return {{"A", "f32", {1, 2}, LATHE_PEER_INPUT, a_},
            {"B", "f32", {2, 1}, LATHE_PEER_INPUT, b_},
            {"C", "f32", {1, 1}, LATHE_PEER_OUTPUT, c_}};
  }

  float a_[2] = {3, 4}, b_[2] = {5, 6}, c_[1] = {0};
};

TEST_F(PeerLibraryTest, RunnersComputeOnTheTensors) {
  auto peer = PeerLibrary::Load(LATHE_FAKE_PEER, kOneThread);
  ASSERT_TRUE(peer.ok()) << peer.status();
  EXPECT_EQ(peer->name(), "fake");
  EXPECT_EQ(peer->version(), "1.2.3, plain loops");
  auto call = ParseOperatorCall("matmul(m=1,n=1,k=2)");
  ASSERT_TRUE(call.ok()) << call.status();
  std::vector<PeerRunner> runners = peer->Open(*call, Tensors());
  std::vector<std::string> names;
  for (const PeerRunner& runner : runners) names.push_back(runner.name());
  EXPECT_THAT(names, ElementsAre("fake", "fake[wrong]", "fake[idle]", "fake[spoils]", "fake[fails]",
                                 "fake-relaxed", "fake[closed]"));
  EXPECT_EQ(runners[0].Run(), 0);
  EXPECT_EQ(c_[0], 39);
  EXPECT_EQ(runners[4].Run(), 7);
  EXPECT_FALSE(runners[0].relaxed());
  EXPECT_TRUE(runners[5].relaxed());
  EXPECT_EQ(runners[0].error(), "");
  EXPECT_EQ(runners[6].error(), "out of order");
}

TEST_F(PeerLibraryTest, ProblemsOfOthersAreLeftAlone) {
  auto peer = PeerLibrary::Load(LATHE_FAKE_PEER, kOneThread);
  ASSERT_TRUE(peer.ok()) << peer.status();
  EXPECT_TRUE(peer->Open({"softmax", {}}, Tensors()).empty());
  EXPECT_TRUE(peer->Open({"matmul", {{"m", "1"}, {"n", "1"}, {"k", "3"}}}, Tensors()).empty());
}

TEST_F(PeerLibraryTest, LoadErrorsSayWhy) {
  EXPECT_THAT(PeerLibrary::Load("/nowhere/peer.so", kOneThread).status().ToString(),
              HasSubstr("/nowhere/peer.so"));
  EXPECT_THAT(PeerLibrary::Load("libm.so.6", kOneThread).status().ToString(),
              HasSubstr("is no peer plug-in"));
  EXPECT_THAT(PeerLibrary::Load(LATHE_FAKE_PEER, kTwoThreads).status().ToString(),
              HasSubstr("one thread only"));
  EXPECT_THAT(PeerLibrary::Load(LATHE_FAKE_PEER, {1, "libonnxruntime.so.1"}).status().ToString(),
              HasSubstr("libonnxruntime.so.1 is not needed"));
}

TEST_F(PeerLibraryTest, AgainstNamesPeers) {
  std::vector<std::string> refused;
  auto none = LoadPeers("none", kOneThread, &refused);
  ASSERT_TRUE(none.ok());
  EXPECT_TRUE(none->empty());
  auto by_path = LoadPeers(LATHE_FAKE_PEER, kOneThread, &refused);
  ASSERT_TRUE(by_path.ok()) << by_path.status();
  EXPECT_EQ(by_path->size(), 1u);
  EXPECT_THAT(LoadPeers("abacus", kOneThread, &refused).status().ToString(), HasSubstr("'abacus'"));
  // Neither where the plug-in was built nor where it was not.
  EXPECT_THAT(LoadPeers("all", {1, "/nowhere/libonnxruntime.so.1"}, &refused).status().ToString(),
              HasSubstr("onnxruntime"));
  EXPECT_FALSE(LoadPeers(LATHE_FAKE_PEER, kTwoThreads, &refused).ok());
}

TEST(OperatorCallTest, DefaultsAreFilledIn) {
  auto call = ParseOperatorCall("matmul( n = 3, m=2,k=4,relu=1)");
  ASSERT_TRUE(call.ok()) << call.status();
  EXPECT_EQ(call->name, "matmul");
  auto value = [&](const std::string& name) {
    for (const auto& [parameter, value] : call->parameters) {
      if (parameter == name) return value;
    }
    return std::string("none");
  };
  EXPECT_EQ(value("m"), "2");
  EXPECT_EQ(value("n"), "3");
  EXPECT_EQ(value("k"), "4");
  EXPECT_EQ(value("relu"), "1");
  EXPECT_EQ(value("bias"), "0");
  EXPECT_FALSE(ParseOperatorCall("matmul(m=2)").ok());
}

TEST(OperatorCallTest, AFunctionIsAnOperatorByItsCanonicalText) {
  auto function = ParseFunction(
      "lathe 1\nfunc mine(p: f32[2, 4], q: f32[4, 3]) -> (r) {\n"
      "  r[a, b] = sum(c) p[a, c] * q[c, b]\n}\n",
      "mine.tfn");
  ASSERT_TRUE(function.ok()) << function.status();
  EXPECT_TRUE(OperatorCallOf(*function, "matmul(m=2,n=3,k=4)").ok());
  EXPECT_THAT(OperatorCallOf(*function, "matmul(m=2,n=3,k=5)").status().ToString(),
              HasSubstr("mine is not what op:matmul(m=2,n=3,k=5) computes"));
}

}  // namespace
}  // namespace lathe
