// PlanMaker turns tables that somebody wants to compact into a whole plan: with
// what must go along, what may go along for free, and whether renaming will do.
// Claims say which tables and key ranges the plans under way have to
// themselves. Pure.
//
// Why claims make plans independent: two plans share no table, and never write
// the same keys of one level. What a plan finds below its output level can only
// sink deeper meanwhile, what lies above it only sink onto it, and to write
// into its range somebody would need one of its tables. Level 0 has no ranges:
// one plan takes tables out of it and one merges within it at a time.
#ifndef LISSOM_DB_COMPACTION_PLAN_MAKER_H_
#define LISSOM_DB_COMPACTION_PLAN_MAKER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "db/compaction/compaction.h"
#include "db/version/version.h"
#include "lissom/options.h"

namespace lissom {

struct KeySpan {
  std::string_view begin;
  std::string_view end;  // Inclusive.
};
// The least range that holds these tables; nullopt if there are none. Its ends
// live as long as the tables.
std::optional<KeySpan> RangeOf(const KeyOrder& order, const Version::Level& a,
                               const Version::Level& b = {});

uint64_t TotalBytes(const Version::Level& tables);

// What the plans under way have taken.
struct Claims {
  struct Output {
    int level = 0;
    std::string begin;
    std::string end;  // Inclusive.
  };
  std::set<uint64_t> tables;    // All they read.
  std::set<uint64_t> leaving;   // Of these, what leaves its level.
  std::vector<Output> outputs;  // Where they write, below level 0.
  bool level0_down = false;     // A plan takes tables out of level 0.
  bool level0_merge = false;    // A plan merges tables of level 0.

  // Adds what `plan` takes.
  void Add(const KeyOrder& order, const CompactionPlan& plan);
};

class PlanMaker {
 public:
  // The arguments' referents outlive the maker. No plan touches a table of
  // `quarantined`.
  PlanMaker(std::shared_ptr<const Version> version,
            const ColumnFamilyOptions& options, int base_level,
            const std::set<uint64_t>& quarantined, const Claims& claims);

  // The plan that takes `inputs`, which are closed under overlap, a level down
  // (of level 0: to the base level), whether it is free or not. More inputs are
  // taken if they are free and cost nothing below.
  CompactionPlan Down(CompactionPlan::Reason reason, int level,
                      Version::Level inputs) const;
  // The plan that writes `inputs` anew in their level.
  CompactionPlan Stay(CompactionPlan::Reason reason, int level,
                      Version::Level inputs) const;
  // More tables of the start level go along with a move, `most_bytes` with it.
  void WidenMove(CompactionPlan& plan, uint64_t most_bytes) const;

  // May the plan run beside those under way?
  bool IsFree(const CompactionPlan& plan) const;
  bool IsFree(const TableFile& table) const;
  // The number of a table of the plan that no plan may touch.
  std::optional<uint64_t> QuarantinedIn(const CompactionPlan& plan) const;

  const Version& version() const { return *version_; }
  // A compaction may take more of its start level, if that costs nothing below,
  // up to so many bytes.
  uint64_t MaxExpandedBytes() const;

 private:
  Version::Level Below(int level, const Version::Level& a,
                       const Version::Level& b) const;
  void ExpandInputs(CompactionPlan& plan) const;
  void FindGrandparents(CompactionPlan& plan) const;
  bool MayMove(const TableMetadata& table, int output_level) const;
  bool WidenMoveBy(CompactionPlan& plan,
                   const std::shared_ptr<const TableFile>& table) const;

  const std::shared_ptr<const Version> version_;
  const ColumnFamilyOptions& options_;
  const int base_level_;
  const std::set<uint64_t>& quarantined_;
  const Claims& claims_;
};

}  // namespace lissom

#endif  // LISSOM_DB_COMPACTION_PLAN_MAKER_H_
