// PretendTree is a tree whose tables are contents in memory, without files, and
// a model of what a reader must find in it. Flushes and compactions are carried
// out on the contents as the jobs do it on files; so a policy can be run for
// thousands of steps, in any order, and each step be looked at.
#ifndef LISSOM_TESTS_DB_COMPACTION_PRETEND_TREE_H_
#define LISSOM_TESTS_DB_COMPACTION_PRETEND_TREE_H_

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "db/compaction/compaction.h"
#include "db/output/deeper_levels.h"
#include "db/version/version_builder.h"
#include "gtest/gtest.h"
#include "util/random.h"

namespace lissom {

class PretendTree {
 public:
  static constexpr uint64_t kKeys = 400;
  static constexpr uint64_t kEntryBytes = 10;

  explicit PretendTree(uint64_t seed) : random_(seed) {
    version_ = Built(VersionEdit());
  }

  const std::shared_ptr<const Version>& version() const { return version_; }
  SequenceNumber last_sequence() const { return last_sequence_; }
  // Entries of tables that are made, and the time they are made at.
  void set_target_entries(size_t entries) { target_entries_ = entries; }
  void set_now(uint64_t seconds) { now_ = seconds; }

  // `count` changes to some keys, as a table of level 0.
  void Flush(uint64_t count) {
    const uint64_t first = random_.Uniform(kKeys);
    // Often narrow: then level 0 is not one heap.
    const uint64_t most = random_.OneIn(2) ? kKeys : 15;
    const uint64_t span = 1 + random_.Uniform(std::min(kKeys - first, most));
    Contents contents;
    for (uint64_t i = 0; i < count; ++i) {
      const std::string key = Key(first + random_.Uniform(span));
      contents[key] = {++last_sequence_, random_.OneIn(3)};
      model_[key] = contents[key];
    }
    VersionEdit edit;
    edit.added.push_back({.level = 0, .table = Table(contents, now_)});
    version_ = Built(edit);
  }

  // Carries the plan out.
  void Install(const CompactionPlan& plan) {
    VersionEdit edit;
    for (const auto& table : plan.inputs) {
      edit.removed.push_back(
          {.level = plan.start_level, .number = table->meta().number});
      if (!plan.trivial_move) continue;
      edit.added.push_back(
          {.level = plan.output_level, .table = table->meta()});
    }
    for (const auto& table : plan.overlapping) {
      edit.removed.push_back(
          {.level = plan.output_level, .number = table->meta().number});
    }
    if (!plan.trivial_move) {
      for (TableMetadata& table : Merged(plan)) {
        edit.added.push_back(
            {.level = plan.output_level, .table = std::move(table)});
      }
    }
    version_ = Built(edit);
  }

  // Reads find what they must.
  void Check() const {
    for (uint64_t k = 0; k < kKeys; ++k) {
      const std::string key = Key(k);
      const auto wanted = model_.find(key);
      const Entry* found = Find(key);
      const bool is_there = found != nullptr && !found->is_tombstone;
      ASSERT_EQ(is_there,
                wanted != model_.end() && !wanted->second.is_tombstone)
          << key << "\n"
          << version_->DebugString();
      if (is_there) {
        ASSERT_EQ(found->sequence, wanted->second.sequence)
            << key << "\n"
            << version_->DebugString();
      }
    }
  }

 private:
  struct Entry {
    SequenceNumber sequence = 0;
    bool is_tombstone = false;
  };
  using Contents = std::map<std::string, Entry>;  // By key.

  static std::string Key(uint64_t k) { return absl::StrFormat("%03d", k); }

  TableMetadata Table(const Contents& contents, uint64_t creation_time) {
    TableMetadata meta;
    meta.number = next_number_++;
    meta.size = contents.size() * kEntryBytes;
    meta.entries = contents.size();
    meta.creation_time = creation_time;
    meta.smallest_sequence = kMaxSequence;
    for (const auto& [key, entry] : contents) {
      meta.tombstones += entry.is_tombstone ? 1 : 0;
      meta.smallest_sequence = std::min(meta.smallest_sequence, entry.sequence);
      meta.largest_sequence = std::max(meta.largest_sequence, entry.sequence);
    }
    const auto end = [](const Contents::value_type& entry) {
      return InternalKey(entry.first,
                         PackTrailer(entry.second.sequence, EntryKind::kPut));
    };
    meta.smallest = end(*contents.begin());
    meta.largest = end(*contents.rbegin());
    contents_[meta.number] = contents;
    return meta;
  }

  std::vector<TableMetadata> Merged(const CompactionPlan& plan) {
    Contents all;
    uint64_t oldest = UINT64_MAX;
    for (const auto* tables : {&plan.inputs, &plan.overlapping}) {
      for (const auto& table : *tables) {
        oldest = std::min(oldest, table->meta().creation_time);
        for (const auto& [key, entry] : contents_.at(table->meta().number)) {
          Entry& newest = all[key];
          if (entry.sequence > newest.sequence) newest = entry;
        }
      }
    }
    DeeperLevels deeper(plan.version, plan.output_level);
    std::vector<TableMetadata> tables;
    Contents part;
    for (const auto& [key, entry] : all) {
      if (entry.is_tombstone && plan.output_level > 0 && !deeper.MayHold(key)) {
        continue;
      }
      part[key] = entry;
      if (plan.output_level == 0 || part.size() < target_entries_) continue;
      tables.push_back(Table(std::exchange(part, {}), oldest));
    }
    if (!part.empty()) tables.push_back(Table(part, oldest));
    return tables;
  }

  std::shared_ptr<const Version> Built(const VersionEdit& edit) const {
    VersionBuilder builder(source_, version_.get());
    const absl::Status applied = builder.Apply(edit);
    EXPECT_TRUE(applied.ok()) << applied;
    auto version = builder.Finish();
    EXPECT_TRUE(version.ok()) << version.status();
    return version.ok() ? *version : version_;
  }

  // What a reader takes: level 0 from the newest table on, then downwards.
  const Entry* Find(const std::string& key) const {
    for (int n = 0; n < Version::kLevels; ++n) {
      for (const auto& table : version_->level(n)) {
        const Contents& contents = contents_.at(table->meta().number);
        const auto found = contents.find(key);
        if (found != contents.end()) return &found->second;
      }
    }
    return nullptr;
  }

  Random random_;
  const std::shared_ptr<const TableSource> source_ =
      std::make_shared<TableSource>(
          TableSource{nullptr, "/db", KeyOrder(BytewiseComparator()), nullptr});
  std::shared_ptr<const Version> version_;
  std::map<uint64_t, Contents> contents_;  // Of tables, by number.
  Contents model_;
  size_t target_entries_ = 10;
  uint64_t now_ = 1;
  uint64_t next_number_ = 1;
  SequenceNumber last_sequence_ = 0;
};

}  // namespace lissom

#endif  // LISSOM_TESTS_DB_COMPACTION_PRETEND_TREE_H_
