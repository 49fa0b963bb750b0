#include "compiler/base/source_error.h"

#include <gtest/gtest.h>

namespace lathe {
namespace {

TEST(SourceError, PointsAtLineAndColumn) {
  absl::Status status = SourceError("f.tfn", "one\ntwo three\nfour", 8, "no such word");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "f.tfn:2:5: no such word\n  two three\n      ^");
}

TEST(SourceError, PointsAtEndsOfText) {
  EXPECT_EQ(SourceError("f", "", 7, "empty").message(), "f:1:1: empty\n  \n  ^");
  EXPECT_EQ(SourceError("f", "ab\n", 3, "end").message(), "f:2:1: end\n  \n  ^");
  EXPECT_EQ(SourceError("f", "ab\ncd", 2, "eol").message(), "f:1:3: eol\n  ab\n    ^");
}

TEST(SourceError, ShowsOneBoundedPrintableLine) {
  std::string text = std::string(5000, 'x') + "\x01\x80" + std::string(5000, 'y');
  std::string message(SourceError("f", text, 5000, "bad byte").message());
  EXPECT_LT(message.size(), 300u);
  EXPECT_NE(message.find("x??y"), std::string::npos) << message;
  EXPECT_EQ(message.find("f:1:5001:"), 0u) << message;
}

TEST(DidYouMean, NamesTheClosest) {
  EXPECT_EQ(DidYouMean("vectorise", {"split", "vectorize"}), " (did you mean vectorize?)");
  EXPECT_EQ(DidYouMean("i", {"y.i", "y.j"}), " (did you mean y.i?)");
  EXPECT_EQ(DidYouMean("frobnicate", {"split", "fuse"}), "");
}

}  // namespace
}  // namespace lathe
