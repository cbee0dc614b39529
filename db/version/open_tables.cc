#include "db/version/open_tables.h"

#include <algorithm>
#include <array>

#include "util/check.h"

namespace lissom {
namespace {

// Saturates: limits may be "none".
uint64_t Sum(uint64_t a, uint64_t b) {
  const uint64_t sum = a + b;
  return sum < a ? std::numeric_limits<uint64_t>::max() : sum;
}

}  // namespace

uint64_t OpenTables::ByteLimit() const {
  const uint64_t metadata = metadata_bytes();
  const uint64_t least = limits_.bytes / 4;
  return limits_.bytes - std::min(metadata, limits_.bytes - least);
}

bool OpenTables::Over(uint64_t tables, uint64_t bytes) const {
  return count() > Sum(limits_.tables, tables) ||
         this->bytes() > Sum(ByteLimit(), bytes);
}

TableSlot OpenTables::MakeRoom(uint64_t bytes) {
  figures_->opens.fetch_add(1, std::memory_order_relaxed);
  // Counted before the look: of two who open at once one sees the other.
  TableSlot slot(figures_, bytes);
  CloseDownToLimits();
  return slot;
}

void OpenTables::CloseDownToLimits() {
  if (!Over(0, 0)) return;
  retired_.Reclaim();
  // What was closed and waits for guards is still open. While much of it does,
  // more would not go sooner: it would only have to be opened again.
  const size_t most_waiting =
      static_cast<size_t>(std::clamp<uint64_t>(limits_.tables / 8, 8, 1024));
  while (Over(0, 0) && retired_.size() < most_waiting) {
    std::array<Ref<const OpenTable>, kBatch> closed;
    size_t count = 0;
    {
      MutexLock lock(mu_);
      uint64_t bytes = 0;
      while (count < kBatch && Over(count, bytes)) {
        closed[count] = TakeVictim();
        if (!closed[count]) break;
        bytes += closed[count]->bytes();
        ++count;
      }
    }
    if (count == 0) return;  // They are pinned.
    for (size_t i = 0; i < count; ++i) retired_.Add(std::move(closed[i]));
    retired_.Reclaim();
  }
}

bool OpenTables::CloseSome() {
  retired_.Reclaim();
  size_t wanted = 0;
  size_t taken = 0;
  do {
    std::array<Ref<const OpenTable>, kBatch> closed;
    size_t count = 0;
    {
      MutexLock lock(mu_);
      if (wanted == 0) wanted = (shown_ + 3) / 4;
      for (; count < kBatch && taken + count < wanted; ++count) {
        closed[count] = TakeVictim();
        if (!closed[count]) break;
      }
    }
    if (count == 0) break;
    for (size_t i = 0; i < count; ++i) retired_.Add(std::move(closed[i]));
    taken += count;
  } while (taken < wanted);
  retired_.Reclaim();
  return taken != 0;
}

void OpenTables::Show(TablePlace& place, const Ref<const OpenTable>& table) {
  CloseDownToLimits();  // It may keep more than was thought.
  MutexLock lock(mu_);
  LISSOM_DCHECK(!place.owner);
  if (Over(0, 0)) return;
  place.owner = table;
  // It was not asked for twice yet: a scan's tables go first.
  place.used.store(false, std::memory_order_relaxed);
  if (hand_ == nullptr) {
    place.next = place.before = hand_ = &place;
  } else {
    place.next = hand_;
    place.before = hand_->before;
    place.before->next = place.next->before = &place;
  }
  ++shown_;
  place.reader.store(&table->reader(), std::memory_order_release);
  place.table.store(table.get(), std::memory_order_release);
}

void OpenTables::Forget(TablePlace& place) {
  Ref<const OpenTable> closed;  // Without the lock.
  MutexLock lock(mu_);
  if (place.owner) closed = Unlink(place);
}

Ref<const OpenTable> OpenTables::TakeVictim() {
  // Twice round: the first may only take chances away.
  for (size_t left = 2 * shown_; left > 0; --left) {
    TablePlace& place = *hand_;
    hand_ = place.next;
    if (place.used.load(std::memory_order_relaxed)) {
      place.used.store(false, std::memory_order_relaxed);
    } else if (place.owner->HasOneOwner()) {
      return Unlink(place);
    }
  }
  return nullptr;
}

Ref<const OpenTable> OpenTables::Unlink(TablePlace& place) {
  // Release: who finds it gone, and retires it, comes after.
  place.reader.store(nullptr, std::memory_order_release);
  place.table.store(nullptr, std::memory_order_release);
  if (hand_ == &place) hand_ = place.next;
  if (hand_ == &place) hand_ = nullptr;
  place.before->next = place.next;
  place.next->before = place.before;
  place.next = place.before = nullptr;
  --shown_;
  return std::exchange(place.owner, nullptr);
}

}  // namespace lissom
