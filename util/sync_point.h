// Sync points: named places where a test may run code of its own in the midst
// of ours, to hold a thread there or to order two of them.
//
//   SyncPoints::Set("Flush:BeforeInstall", [&] { ... });
//   ... LISSOM_SYNC_POINT("Flush:BeforeInstall") in the source ...
//
// Compiled away without LISSOM_CHECKS. Tests clear what they set.
#ifndef LISSOM_UTIL_SYNC_POINT_H_
#define LISSOM_UTIL_SYNC_POINT_H_

#ifdef LISSOM_CHECKS

#include <functional>
#include <string>

namespace lissom {

class SyncPoints {
 public:
  // `action` runs on whichever thread passes the point, without our locks
  // unless the point's name says so. Thread-safe.
  static void Set(const std::string& point, std::function<void()> action);
  static void ClearAll();
  static void Pass(const char* point);
};

}  // namespace lissom

#define LISSOM_SYNC_POINT(name) ::lissom::SyncPoints::Pass(name)
#else
#define LISSOM_SYNC_POINT(name) static_cast<void>(0)
#endif

#endif  // LISSOM_UTIL_SYNC_POINT_H_
