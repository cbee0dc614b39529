// OpenTables bounds how many tables of a database are open, and what those keep
// in memory: the least recently used ones are closed when it is passed.
//
//   TablePlace (in a TableFile) --> OpenTable --> TableReader --> file
//        \__ ring of all places with a table; the hand of the clock goes round
//
// A reader that finds the table open writes nothing but, after each round of
// the hand, a bit of the place: the clock algorithm (Corbato, "A paging
// experiment with the Multics system", 1968), a second chance for who was used.
//
// Who may use a TableReader, and how long:
// - who found it at its place inside an EpochGuard, until that guard ends: what
//   is closed goes through a RetireList;
// - who holds a TablePin, as long as that lives. A pinned table is not taken
//   from its place: closing it would give nothing back.
//
// What counts is what is open, whether found at a place, pinned or only waiting
// for guards to end. Room is made before a file is opened. If there is none
// (all are pinned, or too many wait for guards) the new table is not put in its
// place: it is its opener's alone, and closed with the opener's pin. So the
// bound is passed only by what calls that are under way hold.
//
// Who opens a table does so outside of any guard of its own, which would keep
// what is closed for it open (ReadView::OutsideEpoch).
//
// Threads: thread-safe. mu_ is a leaf, taken after TableFile::mu_.
#ifndef LISSOM_DB_VERSION_OPEN_TABLES_H_
#define LISSOM_DB_VERSION_OPEN_TABLES_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>

#include "table/table_reader.h"
#include "util/block_cache.h"
#include "util/epoch.h"
#include "util/mutex.h"
#include "util/ref_counted.h"

namespace lissom {

struct OpenTableLimits {
  uint64_t tables = std::numeric_limits<uint64_t>::max();
  // Of all that is known of tables outside of the cache: what open ones keep,
  // and what versions say of each. The latter cannot be closed; it takes at
  // most three quarters.
  uint64_t bytes = std::numeric_limits<uint64_t>::max();
};

// Relaxed: each change looks at what it made itself.
struct OpenTableFigures {
  std::atomic<uint64_t> opens{0};  // Ever.
  std::atomic<uint64_t> count{0};  // Open, or being opened.
  std::atomic<uint64_t> bytes{0};  // What they keep in memory.
};

// A table's place among those that are counted. Move-only.
class TableSlot {
 public:
  TableSlot(std::shared_ptr<OpenTableFigures> figures, uint64_t bytes)
      : figures_(std::move(figures)), bytes_(bytes) {
    figures_->count.fetch_add(1, std::memory_order_relaxed);
    figures_->bytes.fetch_add(bytes_, std::memory_order_relaxed);
  }
  TableSlot(TableSlot&& other) noexcept = default;
  TableSlot& operator=(TableSlot&&) = delete;
  ~TableSlot() {
    if (figures_ == nullptr) return;
    figures_->count.fetch_sub(1, std::memory_order_relaxed);
    figures_->bytes.fetch_sub(bytes_, std::memory_order_relaxed);
  }

  uint64_t bytes() const { return bytes_; }
  void SetBytes(uint64_t bytes) {
    figures_->bytes.fetch_add(bytes - bytes_, std::memory_order_relaxed);
    bytes_ = bytes;
  }

 private:
  std::shared_ptr<OpenTableFigures> figures_;
  uint64_t bytes_ = 0;
};

// A table with its file, until nobody uses it any more. Owns all that its
// destructor touches. Immutable.
class OpenTable final : public RefCounted {
 public:
  OpenTable(TableSlot slot, CacheReservation share,
            std::unique_ptr<const TableReader> reader)
      : slot_(std::move(slot)),
        share_(std::move(share)),
        reader_(std::move(reader)) {}

  const TableReader& reader() const { return *reader_; }
  uint64_t bytes() const { return slot_.bytes(); }

 private:
  const TableSlot slot_;          // Given back last.
  const CacheReservation share_;  // What it keeps is the cache's share.
  const std::unique_ptr<const TableReader> reader_;
};

// Keeps a table open. Thread-compatible.
class TablePin {
 public:
  TablePin() = default;
  explicit TablePin(Ref<const OpenTable> table) : table_(std::move(table)) {}

  const TableReader* get() const {
    return table_ ? &table_->reader() : nullptr;
  }
  const TableReader* operator->() const { return get(); }

 private:
  Ref<const OpenTable> table_;
};

// Where an open table is found. Written by OpenTables alone, but for `used`.
struct TablePlace {
  // Acquire pairs with release in Show. Of one table, or null; each may be seen
  // without the other.
  std::atomic<const TableReader*> reader{nullptr};
  std::atomic<const OpenTable*> table{nullptr};
  // Since the hand came by. Relaxed: a hint.
  std::atomic<bool> used{false};

  void Touch() {
    if (!used.load(std::memory_order_relaxed)) {
      used.store(true, std::memory_order_relaxed);
    }
  }

  // Under OpenTables::mu_.
  Ref<const OpenTable> owner = nullptr;
  TablePlace* next = nullptr;
  TablePlace* before = nullptr;
};

class OpenTables {
 public:
  explicit OpenTables(const OpenTableLimits& limits = {}) : limits_(limits) {}
  OpenTables(const OpenTables&) = delete;
  OpenTables& operator=(const OpenTables&) = delete;

  uint64_t opens() const { return Get(figures_->opens); }
  uint64_t count() const { return Get(figures_->count); }
  uint64_t bytes() const { return Get(figures_->bytes); }
  uint64_t metadata_bytes() const { return Get(metadata_bytes_); }
  const OpenTableLimits& limits() const { return limits_; }

  // Counts a table that is about to be opened and will keep about `bytes`;
  // closes others that it takes the place of.
  TableSlot MakeRoom(uint64_t bytes);
  // Makes `table` the one that is found at `place`, if the limits allow.
  // Requires: there is none.
  void Show(TablePlace& place, const Ref<const OpenTable>& table);
  // The place goes: nobody can be looking at it any more.
  void Forget(TablePlace& place);

  // For want of descriptors or memory: closes a quarter of what can be closed.
  // False: nothing can.
  bool CloseSome();

  void AddMetadata(uint64_t bytes) {
    metadata_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  }
  void SubtractMetadata(uint64_t bytes) {
    metadata_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  }

 private:
  // Tables taken from their places, at once.
  static constexpr size_t kBatch = 16;

  static uint64_t Get(const std::atomic<uint64_t>& figure) {
    return figure.load(std::memory_order_relaxed);
  }
  uint64_t ByteLimit() const;
  // Are there still too many when so much of it goes?
  bool Over(uint64_t tables, uint64_t bytes) const;
  void CloseDownToLimits();
  Ref<const OpenTable> TakeVictim() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Ref<const OpenTable> Unlink(TablePlace& place)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const OpenTableLimits limits_;
  // Shared with what may outlive us.
  const std::shared_ptr<OpenTableFigures> figures_ =
      std::make_shared<OpenTableFigures>();
  std::atomic<uint64_t> metadata_bytes_{0};

  Mutex mu_;
  // A ring; whom it stands at is asked next, and a new place comes behind it:
  // asked last.
  TablePlace* hand_ ABSL_GUARDED_BY(mu_) = nullptr;
  size_t shown_ ABSL_GUARDED_BY(mu_) = 0;

  RetireList retired_;
};

}  // namespace lissom

#endif  // LISSOM_DB_VERSION_OPEN_TABLES_H_
