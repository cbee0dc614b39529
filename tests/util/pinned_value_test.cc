#include "lissom/pinned_value.h"

#include <string>
#include <utility>

#include "gtest/gtest.h"

namespace lissom {
namespace {

// An owner that counts its releases.
struct Owner {
  std::string bytes = std::string(1000, 'p');
  int released = 0;
  static void Release(void* owner) { ++static_cast<Owner*>(owner)->released; }
  void PinTo(PinnedValue& value) { value.Pin(bytes, this, &Release); }
};

TEST(PinnedValue, IsEmptyAtFirst) {
  const PinnedValue value{};
  EXPECT_EQ(value.view(), "");
  EXPECT_EQ(value.ToString(), "");
}

TEST(PinnedValue, CopiesSmallValues) {
  PinnedValue value;
  {
    std::string small = "small";
    value.CopyInline(small);
    small = "other";
  }
  EXPECT_EQ(value.view(), "small");
  value.CopyInline("");
  EXPECT_EQ(value.view(), "");
  const std::string full(PinnedValue::kInlineBytes, 'x');
  value.CopyInline(full);
  EXPECT_EQ(value.view(), full);
}

TEST(PinnedValue, ReleasesWhatItPinnedOnce) {
  Owner owner;
  {
    PinnedValue value;
    owner.PinTo(value);
    EXPECT_EQ(value.view().data(), owner.bytes.data());
    EXPECT_EQ(owner.released, 0);
    value.Reset();
    EXPECT_EQ(owner.released, 1);
    EXPECT_EQ(value.view(), "");
  }
  EXPECT_EQ(owner.released, 1);
  {
    PinnedValue value;
    owner.PinTo(value);
  }
  EXPECT_EQ(owner.released, 2);
  PinnedValue reused;
  owner.PinTo(reused);
  reused.CopyInline("next");
  EXPECT_EQ(owner.released, 3);
  EXPECT_EQ(reused.view(), "next");
}

TEST(PinnedValue, MovesThePinAlong) {
  Owner first, second;
  PinnedValue a, b;
  first.PinTo(a);
  second.PinTo(b);
  a = std::move(b);
  EXPECT_EQ(first.released, 1);
  EXPECT_EQ(second.released, 0);
  EXPECT_EQ(a.view().data(), second.bytes.data());
  EXPECT_EQ(b.view(), "");
  PinnedValue c(std::move(a));
  EXPECT_EQ(c.view().data(), second.bytes.data());
  b.Reset();
  a.Reset();
  EXPECT_EQ(second.released, 0);
  c.Reset();
  EXPECT_EQ(second.released, 1);
}

TEST(PinnedValue, MovesInlineBytesIntoItself) {
  PinnedValue to;
  {
    PinnedValue from;
    from.CopyInline("inline");
    to = std::move(from);
    EXPECT_EQ(from.view(), "");
    from.CopyInline("XXXXXX");
  }
  EXPECT_EQ(to.view(), "inline");
  PinnedValue& same = to;
  to = std::move(same);
  EXPECT_EQ(to.view(), "inline");
}

}  // namespace
}  // namespace lissom
