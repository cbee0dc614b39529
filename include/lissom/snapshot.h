// Snapshot is the state of a database at one moment: reads that name it in
// ReadOptions::snapshot see exactly the writes acknowledged before it was
// taken. It costs nothing but the old versions that compactions keep for it.
//
// Immutable, thread-safe. Destroy it to release it; that is safe after the
// database was closed or destroyed too.
#ifndef LISSOM_SNAPSHOT_H_
#define LISSOM_SNAPSHOT_H_

#include <cstdint>

#include "lissom/export.h"

namespace lissom {

class LISSOM_EXPORT Snapshot {
 public:
  virtual ~Snapshot() = default;
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

  // The sequence number of the last write that it sees.
  virtual uint64_t sequence() const = 0;

 protected:
  Snapshot() = default;
};

}  // namespace lissom

#endif  // LISSOM_SNAPSHOT_H_
