// WriteBatch is a group of changes that DB::Write applies all or not at all,
// in the order they were added. Of several changes to one key the last wins.
//
// The bytes (data()) are versioned and may be stored or sent; FromData checks
// them completely. Format: db/FORMAT.md.
// Thread-compatible. A batch may be written several times.
#ifndef LISSOM_WRITE_BATCH_H_
#define LISSOM_WRITE_BATCH_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lissom/export.h"

namespace lissom {

class LISSOM_EXPORT WriteBatch {
 public:
  // Receives the changes of a batch in order; see Iterate. Views live during
  // the call. Returning an error stops the walk.
  class Handler {
   public:
    virtual ~Handler() = default;
    virtual absl::Status Put(std::string_view key, std::string_view value) = 0;
    virtual absl::Status Delete(std::string_view key) = 0;
    virtual absl::Status LogData(std::string_view /*blob*/) {
      return absl::OkStatus();
    }
  };

  // Limits of one entry. A larger one makes the batch invalid: Write refuses
  // it whole with kInvalidArgument.
  static constexpr size_t kMaxKeyBytes = size_t{1} << 20;
  static constexpr size_t kMaxValueBytes = size_t{1} << 30;
  // Limit of all entries together.
  static constexpr size_t kMaxBatchBytes =
      (size_t{1} << 32) - (size_t{1} << 20);

  WriteBatch();
  WriteBatch(const WriteBatch&) = default;
  WriteBatch& operator=(const WriteBatch&) = default;
  // Moving leaves `other` empty, ready for use.
  WriteBatch(WriteBatch&& other) noexcept;
  WriteBatch& operator=(WriteBatch&& other) noexcept;

  void Put(std::string_view key, std::string_view value);
  void Delete(std::string_view key);  // Deleting an absent key is no error.
  // A note that goes into the log and nowhere else; seen by Iterate only.
  void PutLogData(std::string_view blob);

  void Clear();
  void Append(const WriteBatch& other);  // Adds the other's changes at the end.

  size_t Count() const;     // Changes (log data is none).
  size_t ByteSize() const;  // Size of data().

  // Remembers this point; save points nest, and Clear forgets them.
  void SetSavePoint();
  // Drops everything since the last save point, and the save point.
  // kInvalidArgument: there is none.
  absl::Status RollbackToSavePoint();

  // Calls `handler` for each change; returns its first error.
  // kInvalidArgument: an entry was over its limit.
  absl::Status Iterate(Handler* handler) const;

  // The batch as bytes, valid until the next change.
  std::string_view data() const { return rep_; }
  // kInvalidArgument: not the bytes of a batch; kUnimplemented: newer ones.
  static absl::StatusOr<WriteBatch> FromData(std::string_view data);

  // OK unless an entry was over its limit.
  absl::Status Validate() const;

 private:
  struct SavePoint {
    size_t size;
    uint32_t count;
    bool oversized;
  };

  std::string rep_;
  std::vector<SavePoint> save_points_;
  bool oversized_ = false;
};

}  // namespace lissom

#endif  // LISSOM_WRITE_BATCH_H_
