#include "tests/stress/oracle.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "tests/stress/violation.h"
#include "util/strings.h"

namespace lissom::stress {
namespace {

// A value begins with these and goes on with words drawn from them.
struct Header {
  uint64_t slot;
  uint64_t revision;
  uint32_t part;
  uint32_t size;
};

constexpr std::string_view kParts = "abc";  // Of sets; singles are 's'.
constexpr uint64_t kDeletesOneIn = 8;
constexpr uint64_t kGiantOneIn = 4096;
constexpr size_t kGiantFactor = 16;

constexpr uint64_t Mix(uint64_t z) {  // splitmix64
  z += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

void Raise(std::atomic<uint64_t>& number, uint64_t to) {
  uint64_t now = number.load();
  while (now < to && !number.compare_exchange_weak(now, to)) {
  }
}

std::string SeenText(Seen seen) {
  if (!seen.has_value()) return "nothing";
  return absl::StrCat("revision ", *seen);
}

}  // namespace

uint64_t Oracle::SlotsOf(const Shape& shape) {
  const uint64_t sets = shape.keys / 5;
  return shape.keys - sets * kSetKeys + sets;
}

Oracle::Oracle(const Shape& shape, Slot* slots)
    : shape_(shape),
      singles_(SlotsOf(shape) - shape.keys / 5),
      sets_(shape.keys / 5),
      slots_(slots) {}

void Oracle::Touch() {
  for (uint64_t slot = 0; slot < slots(); ++slot) {
    slots_[slot].claimed.fetch_and(0);  // A dead process may have had it.
  }
}

// --- Keys and values

std::string Oracle::HeadOf(KeyPlace place) const {
  const bool single = place.slot < singles_;
  std::string head(1, single ? 's' : kParts[place.part]);
  absl::StrAppend(&head, absl::Hex(single ? place.slot : place.slot - singles_,
                                   absl::kZeroPad8));
  return head;
}

// Up to 24 more bytes make keys differ in length.
std::string Oracle::KeyOf(KeyPlace place) const {
  return HeadOf(place) + std::string(Mix(shape_.seed ^ place.slot) % 25, '_');
}

KeyPlace Oracle::PlaceOf(std::string_view key,
                         std::string_view operation) const {
  const std::string head(key.substr(0, 9));
  if (head.size() == 9) {
    const uint64_t index = std::strtoull(head.c_str() + 1, nullptr, 16);
    const bool single = head[0] == 's';
    KeyPlace place{.slot = single ? index : index + singles_};
    if (!single) {
      place.part = static_cast<uint32_t>(kParts.find(head[0]));
    }
    if (place.slot < slots() && place.part < kSetKeys && KeyOf(place) == key) {
      return place;
    }
  }
  Report({operation, std::string(key), "a key that was once written", "this"});
}

uint64_t Oracle::Draw(uint64_t slot, uint64_t revision, uint64_t salt) const {
  return Mix(Mix(Mix(shape_.seed + salt) ^ slot) ^ revision);
}

bool Oracle::Deletes(uint64_t slot, uint64_t revision) const {
  if (revision == 0) return true;  // Never written.
  return revision > 1 && Draw(slot, revision, 1) % kDeletesOneIn == 0;
}

size_t Oracle::ValueSize(KeyPlace place, uint64_t revision) const {
  const uint64_t drawn = Draw(place.slot, revision, 2 + place.part);
  const uint64_t spread = shape_.value_most - shape_.value_least + 1;
  size_t size = shape_.value_least + drawn % spread;
  if (shape_.giants && (drawn >> 32) % kGiantOneIn == 0) size *= kGiantFactor;
  return std::max(size, sizeof(Header));
}

// Each word comes twice, so that there is something to compress.
void Oracle::MakeValue(KeyPlace place, uint64_t revision,
                       std::string* value) const {
  const size_t size = ValueSize(place, revision);
  const Header header{place.slot, revision, place.part,
                      static_cast<uint32_t>(size)};
  value->resize(size);
  char* to = value->data();
  char* const end = to + size;
  std::memcpy(to, &header, sizeof header);
  to += sizeof header;
  uint64_t state = Draw(place.slot, revision, 8 + place.part);
  while (to < end) {
    const uint64_t word = Mix(state++);
    const uint64_t twice[2] = {word, word};
    const size_t count = std::min(sizeof twice, static_cast<size_t>(end - to));
    std::memcpy(to, twice, count);
    to += count;
  }
}

// --- Writing

bool Oracle::TryClaim(uint64_t slot) {
  uint32_t free = 0;
  return slots_[slot].claimed.compare_exchange_strong(free, 1);
}

void Oracle::Release(uint64_t slot) { slots_[slot].claimed.store(0); }

uint64_t Oracle::Begin(uint64_t slot) {
  return slots_[slot].begun.fetch_add(1) + 1;
}

void Oracle::Acknowledge(uint64_t slot, uint64_t revision, bool logged) {
  Raise(slots_[slot].floor, revision);
  if (logged) Raise(slots_[slot].kept, revision);
}

void Oracle::TakeBack(uint64_t slot, uint64_t revision) {
  if (Floor(slot) >= revision) {
    Report({"a refused write", KeyOf({slot, 0}), "nothing was written",
            absl::StrCat("a reader has seen revision ", revision)});
  }
  slots_[slot].begun.store(revision - 1);
}

// --- Reading

uint64_t Oracle::RevisionOf(KeyPlace place, std::string_view value,
                            std::string_view operation) const {
  Header header{};
  std::memcpy(&header, value.data(), std::min(sizeof header, value.size()));
  static thread_local std::string expected;
  if (value.size() >= sizeof header && header.size == value.size() &&
      header.slot == place.slot && header.part == place.part) {
    MakeValue(place, header.revision, &expected);
    if (expected == value && !Deletes(place.slot, header.revision)) {
      return header.revision;
    }
  }
  Report({operation, KeyOf(place), "a value of this key, all its bytes",
          absl::StrCat(value.size(), " bytes that say: slot ", header.slot,
                       ", part ", header.part, ", revision ", header.revision,
                       ", size ", header.size)});
}

void Oracle::Check(KeyPlace place, Window window, Seen seen,
                   std::string_view operation) const {
  if (seen.has_value()) {
    if (*seen >= window.low && *seen <= window.high) return;
  } else {
    for (uint64_t r = window.low; r <= window.high; ++r) {
      if (Deletes(place.slot, r)) return;
    }
  }
  Report(
      {operation, KeyOf(place), Describe(place.slot, window), SeenText(seen)});
}

void Oracle::NoteSeen(uint64_t slot, Seen seen) {
  if (seen.has_value()) Raise(slots_[slot].floor, *seen);
}

std::string Oracle::Describe(uint64_t slot, Window window) const {
  std::string text;
  for (uint64_t r = window.low; r <= window.high && r < window.low + 8; ++r) {
    absl::StrAppend(&text, text.empty() ? "" : " or ", "revision ", r,
                    Deletes(slot, r) ? " (nothing)" : "");
  }
  return absl::StrCat(text, "; now floor ", Floor(slot), ", begun ",
                      Begun(slot), ", kept ", Kept(slot));
}

// --- What outlives the process

void Oracle::CopyFloors(uint64_t* floors) const {
  for (uint64_t slot = 0; slot < slots(); ++slot) floors[slot] = Floor(slot);
}

void Oracle::KeepUpTo(const uint64_t* floors) {
  for (uint64_t slot = 0; slot < slots(); ++slot) {
    if (slots_[slot].kept.load() < floors[slot]) {
      Raise(slots_[slot].kept, floors[slot]);
    }
  }
}

void Oracle::ForgetUnkept() {
  for (uint64_t slot = 0; slot < slots(); ++slot) {
    slots_[slot].floor.store(Kept(slot));
  }
}

bool Oracle::Restart(uint64_t slot, Seen seen) {
  Slot& state = slots_[slot];
  uint64_t revision = seen.value_or(state.begun.load());
  if (!seen.has_value()) {  // The newest one that says "nothing".
    while (!Deletes(slot, revision)) --revision;
  }
  const bool lost = state.floor.load() > revision;
  state.claimed.store(0);
  // In this order: a death between two of them leaves a window that holds it.
  state.kept.store(revision);
  state.floor.store(revision);
  state.begun.store(revision);
  return lost;
}

}  // namespace lissom::stress
