#include "tests/stress/picture.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/stress/violation.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom::stress {
namespace {

std::string SeenText(Seen seen) {
  if (!seen.has_value()) return "nothing";
  return absl::StrCat("revision ", *seen);
}

}  // namespace

Picture::Picture(Oracle& oracle, Tally& tally, Stretch stretch)
    : oracle_(oracle),
      tally_(tally),
      stretch_(stretch),
      windows_(stretch.count) {}

void Picture::BeforeMoment(Least least) {
  passed_ = false;
  least_ = least;
  for (uint64_t i = 0; i < stretch_.count; ++i) {
    const uint64_t slot = stretch_.first + i;
    windows_[i].low =
        least == Least::kKept ? oracle_.Kept(slot) : oracle_.Floor(slot);
  }
}

void Picture::AfterMoment() {
  for (uint64_t i = 0; i < stretch_.count; ++i) {
    windows_[i].high = oracle_.Begun(stretch_.first + i);
  }
}

std::string Picture::Lower() const { return oracle_.HeadOf(PlaceAt(0)); }

std::string Picture::Upper() const {
  return oracle_.HeadOf(PlaceAt(stretch_.count - 1)) + "~";
}

uint64_t Picture::IndexOf(std::string_view key,
                          std::string_view operation) const {
  const KeyPlace place = oracle_.PlaceOf(key, operation);
  const uint64_t index = place.slot - stretch_.first;
  if (place.part != stretch_.part || place.slot < stretch_.first ||
      index >= stretch_.count) {
    Report({operation, std::string(key),
            absl::StrCat("keys from ", Lower(), " to ", Upper()),
            "a key out of bounds"});
  }
  return index;
}

Seen Picture::Read(Iterator& it, uint64_t index, std::string_view operation) {
  const std::string_view value = it.value();
  tally_.Add(Count::kBytesRead, value.size());
  return oracle_.RevisionOf(PlaceAt(index), value, operation);
}

absl::Status Picture::Scan(Iterator& it, bool backwards,
                           std::string_view operation) {
  std::vector<Seen> seen(stretch_.count);
  uint64_t moves = 1;
  uint64_t last = 0;
  for (backwards ? it.SeekToLast() : it.SeekToFirst(); it.Valid();
       backwards ? it.Prev() : it.Next()) {
    const uint64_t index = IndexOf(it.key(), operation);
    if (moves > 1 && (backwards ? index >= last : index <= last)) {
      Report({operation, std::string(it.key()),
              backwards ? "keys that fall" : "keys that rise",
              absl::StrCat("it comes after ", oracle_.KeyOf(PlaceAt(last)))});
    }
    seen[index] = Read(it, index, operation);
    last = index;
    ++moves;
  }
  tally_.Add(Count::kMoves, moves);
  LISSOM_RETURN_IF_ERROR(it.status());
  Accept(std::move(seen), operation);
  return absl::OkStatus();
}

void Picture::Accept(std::vector<Seen> seen, std::string_view operation) {
  tally_.Add(Count::kKeysChecked, stretch_.count);
  for (uint64_t i = 0; i < stretch_.count; ++i) {
    if (!passed_) {
      oracle_.Check(PlaceAt(i), windows_[i], seen[i], operation);
      if (least_ == Least::kFloor) {
        oracle_.NoteSeen(stretch_.first + i, seen[i]);
      }
    } else if (seen[i] != seen_[i]) {
      Report({operation, oracle_.KeyOf(PlaceAt(i)),
              absl::StrCat(SeenText(seen_[i]), ", as before"),
              SeenText(seen[i])});
    }
  }
  seen_ = std::move(seen);
  passed_ = true;
}

uint64_t Picture::AtOrAfter(uint64_t index) const {
  while (index < stretch_.count && !seen_[index].has_value()) ++index;
  return index;
}

uint64_t Picture::AtOrBefore(uint64_t index) const {
  // Unsigned: what passes below zero is above every index.
  while (index < stretch_.count && !seen_[index].has_value()) --index;
  return index < stretch_.count ? index : stretch_.count;
}

uint64_t Picture::Move(Iterator& it, Random& random, uint64_t at) {
  const uint64_t target = random.Uniform(stretch_.count);
  // Sorts before the key itself, unless it is the key.
  const std::string head = oracle_.HeadOf(PlaceAt(target));
  const std::string key = oracle_.KeyOf(PlaceAt(target));
  const uint64_t draw = random.Uniform(at < stretch_.count ? 24 : 6);
  switch (draw) {
    case 0:
      it.Seek(head);
      return AtOrAfter(target);
    case 1:
      it.Seek(key + "+");
      return AtOrAfter(target + 1);
    case 2:
      it.SeekForPrev(key);
      return AtOrBefore(target);
    case 3:
      if (head == key) {
        it.Seek(key);
        return AtOrAfter(target);
      }
      it.SeekForPrev(head);
      return AtOrBefore(target - 1);
    case 4:
      it.SeekToFirst();
      return AtOrAfter(0);
    case 5:
      it.SeekToLast();
      return AtOrBefore(stretch_.count - 1);
    default:
      if (draw % 2 == 0) {
        it.Next();
        return AtOrAfter(at + 1);
      }
      it.Prev();
      return AtOrBefore(at - 1);
  }
}

absl::Status Picture::Expect(Iterator& it, uint64_t index,
                             std::string_view operation) {
  if (!it.Valid()) {
    LISSOM_RETURN_IF_ERROR(it.status());
    if (index == stretch_.count) return absl::OkStatus();
    Report({operation, oracle_.KeyOf(PlaceAt(index)), SeenText(seen_[index]),
            "the iterator is at an end"});
  }
  const uint64_t found = IndexOf(it.key(), operation);
  if (index == stretch_.count) {
    Report(
        {operation, std::string(it.key()), "an end of the range", "this key"});
  }
  const Seen seen = Read(it, found, operation);
  if (found != index || seen != seen_[index]) {
    Report({operation, oracle_.KeyOf(PlaceAt(index)), SeenText(seen_[index]),
            absl::StrCat(oracle_.KeyOf(PlaceAt(found)), ", ", SeenText(seen))});
  }
  return absl::OkStatus();
}

absl::Status Picture::Walk(Iterator& it, Random& random, uint64_t moves,
                           std::string_view operation) {
  uint64_t at = stretch_.count;  // Begin with a seek.
  for (uint64_t i = 0; i < moves; ++i) {
    at = Move(it, random, at);
    LISSOM_RETURN_IF_ERROR(Expect(it, at, operation));
  }
  tally_.Add(Count::kMoves, moves);
  tally_.Add(Count::kKeysChecked, moves);
  return absl::OkStatus();
}

void Picture::CompareWith(const Picture& other,
                          std::string_view operation) const {
  for (uint64_t i = 0; i < stretch_.count; ++i) {
    if (seen_[i] == other.seen_[i]) continue;
    Report({operation, oracle_.KeyOf(PlaceAt(i)),
            absl::StrCat(SeenText(other.seen_[i]), ", as key ",
                         oracle_.KeyOf(other.PlaceAt(i)),
                         " of the same set shows"),
            SeenText(seen_[i])});
  }
}

}  // namespace lissom::stress
