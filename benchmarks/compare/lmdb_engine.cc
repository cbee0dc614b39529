#include "benchmarks/compare/lmdb_engine.h"

#include <lmdb.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>
#include <system_error>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom::bench {
namespace {

// Address space, not disk: the file grows as it is written.
constexpr size_t kMapBytes = size_t{256} << 30;

absl::Status ToStatus(int code) {
  if (code == MDB_SUCCESS) return absl::OkStatus();
  const std::string text = absl::StrCat("lmdb: ", mdb_strerror(code));
  if (code == MDB_CORRUPTED) return absl::DataLossError(text);
  if (code == EINVAL || code == MDB_BAD_VALSIZE) {
    return absl::InvalidArgumentError(text);
  }
  return absl::UnknownError(text);
}

MDB_val ToVal(std::string_view bytes) {
  // LMDB takes no const and changes nothing.
  return {.mv_size = bytes.size(), .mv_data = const_cast<char*>(bytes.data())};
}

// A read transaction that waits, reset, for its next use: beginning one anew
// takes a lock and an allocation.
class Reader {
 public:
  Reader(MDB_env* env, MDB_dbi dbi) : env_(env), dbi_(dbi) {}
  ~Reader() {
    if (cursor_ != nullptr) mdb_cursor_close(cursor_);
    if (txn_ != nullptr) mdb_txn_abort(txn_);
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // The present state, until Stop.
  absl::Status Start() {
    if (txn_ != nullptr) return ToStatus(mdb_txn_renew(txn_));
    return ToStatus(mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn_));
  }
  void Stop() { mdb_txn_reset(txn_); }

  absl::Status OpenCursor() {
    if (cursor_ != nullptr) return ToStatus(mdb_cursor_renew(txn_, cursor_));
    return ToStatus(mdb_cursor_open(txn_, dbi_, &cursor_));
  }

  MDB_txn* txn() const { return txn_; }
  MDB_cursor* cursor() const { return cursor_; }

 private:
  MDB_env* const env_;
  const MDB_dbi dbi_;
  MDB_txn* txn_ = nullptr;
  MDB_cursor* cursor_ = nullptr;
};

using Readers = std::vector<std::unique_ptr<Reader>>;

class LmdbCursor final : public Cursor {
 public:
  // Gives the reader back to `idle` in the end. Requires: it has been started
  // and has a cursor.
  LmdbCursor(std::unique_ptr<Reader> reader, Readers& idle)
      : reader_(std::move(reader)), idle_(idle) {}
  ~LmdbCursor() override {
    reader_->Stop();
    idle_.push_back(std::move(reader_));
  }

  absl::StatusOr<bool> Seek(std::string_view key) override {
    key_ = ToVal(key);
    LISSOM_RETURN_IF_ERROR(Move(MDB_SET_RANGE));
    return valid_;
  }

  absl::Status SeekToEnd(Direction direction) override {
    return Move(direction == Direction::kForward ? MDB_FIRST : MDB_LAST);
  }

  std::string_view key() override {
    return {static_cast<const char*>(key_.mv_data), key_.mv_size};
  }

  absl::StatusOr<Found> Walk(Direction direction, uint64_t steps) override {
    const MDB_cursor_op step =
        direction == Direction::kForward ? MDB_NEXT : MDB_PREV;
    Found found;
    for (; found.entries < steps && valid_; ++found.entries) {
      found.bytes += key_.mv_size + value_.mv_size;
      LISSOM_RETURN_IF_ERROR(Move(step));
    }
    return found;
  }

 private:
  absl::Status Move(MDB_cursor_op how) {
    const int code = mdb_cursor_get(reader_->cursor(), &key_, &value_, how);
    valid_ = code == MDB_SUCCESS;
    return code == MDB_NOTFOUND ? absl::OkStatus() : ToStatus(code);
  }

  std::unique_ptr<Reader> reader_;
  Readers& idle_;
  bool valid_ = false;
  MDB_val key_ = {};
  MDB_val value_ = {};
};

class LmdbSession final : public Session {
 public:
  LmdbSession(MDB_env* env, MDB_dbi dbi)
      : env_(env), dbi_(dbi), reader_(env, dbi) {}

  void Put(std::string_view key, std::string_view value) override {
    Collect(key, value, /*is_delete=*/false);
  }
  void Delete(std::string_view key) override {
    Collect(key, {}, /*is_delete=*/true);
  }

  absl::Status Commit(bool sync) override {
    MDB_txn* txn = nullptr;
    absl::Status status = ToStatus(mdb_txn_begin(env_, nullptr, 0, &txn));
    if (status.ok()) {
      status = Apply(txn);
      if (status.ok()) {
        status = ToStatus(mdb_txn_commit(txn));
      } else {
        mdb_txn_abort(txn);
      }
    }
    changes_.clear();
    bytes_.clear();
    if (status.ok() && sync) status = ToStatus(mdb_env_sync(env_, 1));
    return status;
  }

  absl::StatusOr<Found> Get(std::string_view key) override {
    LISSOM_RETURN_IF_ERROR(reader_.Start());
    absl::StatusOr<Found> found = GetIn(key);
    reader_.Stop();
    return found;
  }

  absl::StatusOr<Found> MultiGet(
      std::span<const std::string_view> keys) override {
    LISSOM_RETURN_IF_ERROR(reader_.Start());
    absl::StatusOr<Found> sum = Found{};
    for (const std::string_view key : keys) {
      const absl::StatusOr<Found> one = GetIn(key);
      if (!one.ok()) {
        sum = one.status();
        break;
      }
      sum->entries += one->entries;
      sum->bytes += one->bytes;
    }
    reader_.Stop();
    return sum;
  }

  absl::StatusOr<std::unique_ptr<Cursor>> NewCursor() override {
    std::unique_ptr<Reader> reader;
    if (idle_.empty()) {
      reader = std::make_unique<Reader>(env_, dbi_);
    } else {
      reader = std::move(idle_.back());
      idle_.pop_back();
    }
    LISSOM_RETURN_IF_ERROR(reader->Start());
    LISSOM_RETURN_IF_ERROR(reader->OpenCursor());
    return std::make_unique<LmdbCursor>(std::move(reader), idle_);
  }

 private:
  struct Change {
    size_t key_size = 0;
    size_t value_size = 0;
    bool is_delete = false;
  };

  void Collect(std::string_view key, std::string_view value, bool is_delete) {
    changes_.push_back({key.size(), value.size(), is_delete});
    bytes_ += key;
    bytes_ += value;
  }

  absl::Status Apply(MDB_txn* txn) {
    std::string_view rest = bytes_;
    for (const Change& change : changes_) {
      MDB_val key = ToVal(rest.substr(0, change.key_size));
      MDB_val value = ToVal(rest.substr(change.key_size, change.value_size));
      rest.remove_prefix(change.key_size + change.value_size);
      const int code = change.is_delete ? mdb_del(txn, dbi_, &key, nullptr)
                                        : mdb_put(txn, dbi_, &key, &value, 0);
      if (code != MDB_NOTFOUND) LISSOM_RETURN_IF_ERROR(ToStatus(code));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Found> GetIn(std::string_view key) {
    MDB_val name = ToVal(key);
    MDB_val value = {};
    const int code = mdb_get(reader_.txn(), dbi_, &name, &value);
    if (code == MDB_NOTFOUND) return Found{};
    LISSOM_RETURN_IF_ERROR(ToStatus(code));
    return Found{.entries = 1, .bytes = key.size() + value.mv_size};
  }

  MDB_env* const env_;
  const MDB_dbi dbi_;
  std::vector<Change> changes_;
  std::string bytes_;  // Keys and values of `changes_`, one behind the other.
  Reader reader_;
  Readers idle_;
};

class LmdbEngine final : public Engine {
 public:
  ~LmdbEngine() override { Close().IgnoreError(); }  // It never fails.

  absl::Status Open(const EngineSettings& settings) {
    if (settings.fresh) {
      std::error_code ignored;  // What stays behind fails the open below.
      for (const char* file : {"/data.mdb", "/lock.mdb"}) {
        std::filesystem::remove(settings.path + file, ignored);
      }
    }
    if (mkdir(settings.path.c_str(), 0755) != 0 && errno != EEXIST) {
      return absl::ErrnoToStatus(errno, settings.path);
    }
    LISSOM_RETURN_IF_ERROR(ToStatus(mdb_env_create(&env_)));
    LISSOM_RETURN_IF_ERROR(ToStatus(mdb_env_set_mapsize(env_, kMapBytes)));
    // No look-ahead: with random reads it fetches what nobody asked for.
    LISSOM_RETURN_IF_ERROR(ToStatus(mdb_env_open(
        env_, settings.path.c_str(),
        MDB_NOSYNC | MDB_NOTLS | MDB_NORDAHEAD | MDB_NOMEMINIT, 0644)));
    MDB_txn* txn = nullptr;
    LISSOM_RETURN_IF_ERROR(ToStatus(mdb_txn_begin(env_, nullptr, 0, &txn)));
    const int code = mdb_dbi_open(txn, nullptr, 0, &dbi_);
    if (code != MDB_SUCCESS) {
      mdb_txn_abort(txn);
      return ToStatus(code);
    }
    return ToStatus(mdb_txn_commit(txn));
  }

  std::string_view name() const override { return "lmdb"; }

  std::unique_ptr<Session> NewSession() override {
    return std::make_unique<LmdbSession>(env_, dbi_);
  }

  absl::Status Flush() override { return absl::OkStatus(); }
  absl::Status Settle() override { return absl::OkStatus(); }
  absl::Status CompactAll() override { return absl::OkStatus(); }

  absl::StatusOr<std::string> Property(std::string_view name) override {
    return absl::InvalidArgumentError(
        absl::StrCat("lmdb has no property '", ToAbsl(name), "'"));
  }

  absl::Status Close() override {
    if (env_ != nullptr) mdb_env_close(env_);
    env_ = nullptr;
    return absl::OkStatus();
  }

 private:
  MDB_env* env_ = nullptr;
  MDB_dbi dbi_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Engine>> OpenLmdb(
    const EngineSettings& settings) {
  auto engine = std::make_unique<LmdbEngine>();
  LISSOM_RETURN_IF_ERROR(engine->Open(settings));
  return engine;
}

std::string LmdbVersion() {
  return absl::StrCat(MDB_VERSION_MAJOR, ".", MDB_VERSION_MINOR, ".",
                      MDB_VERSION_PATCH);
}

}  // namespace lissom::bench
