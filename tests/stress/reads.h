// Reads asks the database in every way there is, and has each answer checked:
// now, at snapshots, and again later by snapshots and iterators that were held.
#ifndef LISSOM_TESTS_STRESS_READS_H_
#define LISSOM_TESTS_STRESS_READS_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "lissom/iterator.h"
#include "lissom/options.h"
#include "lissom/pinned_value.h"
#include "lissom/snapshot.h"
#include "tests/stress/picture.h"
#include "tests/stress/stage.h"
#include "util/random.h"

namespace lissom::stress {

// Ends the run unless `db` holds, in all its keys, what the oracle allows: for
// a database without writers, or one that stands still.
void CheckAll(Stage& stage, DB& db, Picture::Least least,
              std::string_view operation);
// After a death: the same, and the oracle starts anew from what was found.
void CheckAllAndRestart(Stage& stage, DB& db);

class Reads {
 public:
  Reads(Stage& stage, Random& random) : stage_(stage), random_(random) {}

  // Each returns false if the database was closed.
  bool Get(const Lease& lease);
  bool MultiGet(const Lease& lease);
  // A stretch by an iterator; some iterators are then held.
  bool Scan(const Lease& lease);
  // All parts of some sets at one snapshot; some snapshots are then held.
  bool ScanSets(const Lease& lease);
  // Looks again through something that is held.
  bool LookAgain(const Lease& lease);

  // Before the next lease. What the closed database left must stay readable
  // where it stands, and not move.
  void LetGo(bool closed);

 private:
  // The options of a read, and what they may lead to.
  struct Drawn {
    ReadOptions options;
    bool bounded() const {
      return options.deadline != absl::InfiniteDuration();
    }
  };
  enum class Answer { kYes, kNone, kClosed };

  struct Held {
    std::unique_ptr<const Snapshot> snapshot;  // Either this
    std::unique_ptr<Iterator> iterator;        // or this.
    std::vector<Picture> pictures;
  };

  Drawn Draw();
  Stretch DrawStretch();
  // What the status of a read means; ends the run if it should not be.
  Answer Judge(const Lease& lease, const Drawn& drawn,
               const absl::Status& status, std::string_view operation);
  absl::Status GetOne(DB& db, const Drawn& drawn, std::string_view key);
  void PlaceKeys();
  void CheckSets(const std::vector<absl::Status>& statuses);
  Answer ScanPicture(const Lease& lease, Drawn drawn, Picture& picture,
                     std::string_view operation);
  bool LookAtSnapshot(const Lease& lease, Held& held);
  bool LookByIterator(const Lease& lease, Held& held);
  bool GetFrom(const Lease& lease, const Snapshot* snapshot,
               const Picture& picture);

  Stage& stage_;
  Random& random_;
  std::string value_;
  PinnedValue pinned_;
  // Of MultiGet, one a key.
  std::vector<KeyPlace> places_;
  std::vector<std::string> keys_;
  std::vector<Seen> seen_;
  std::vector<uint64_t> lows_;
  std::vector<PinnedValue> values_;
  std::deque<Held> held_;
};

}  // namespace lissom::stress

#endif  // LISSOM_TESTS_STRESS_READS_H_
