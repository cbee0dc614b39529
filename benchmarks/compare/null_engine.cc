#include "benchmarks/compare/null_engine.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace lissom::bench {
namespace {

constexpr uint64_t kKeyBytes = 16;

class NullCursor final : public Cursor {
 public:
  explicit NullCursor(uint64_t value_size) : value_size_(value_size) {}

  absl::StatusOr<bool> Seek(std::string_view key) override {
    key_ = key;
    return true;
  }
  absl::Status SeekToEnd(Direction) override { return absl::OkStatus(); }
  std::string_view key() override { return key_; }
  absl::StatusOr<Found> Walk(Direction, uint64_t steps) override {
    return Found{.entries = steps, .bytes = steps * (kKeyBytes + value_size_)};
  }

 private:
  const uint64_t value_size_;
  std::string key_;
};

class NullSession final : public Session {
 public:
  explicit NullSession(uint64_t value_size) : value_size_(value_size) {}

  void Put(std::string_view, std::string_view) override {}
  void Delete(std::string_view) override {}
  absl::Status Commit(bool) override { return absl::OkStatus(); }

  absl::StatusOr<Found> Get(std::string_view key) override {
    return Found{.entries = 1, .bytes = key.size() + value_size_};
  }
  absl::StatusOr<Found> MultiGet(
      std::span<const std::string_view> keys) override {
    Found sum{.entries = keys.size(), .bytes = keys.size() * value_size_};
    for (const std::string_view key : keys) sum.bytes += key.size();
    return sum;
  }
  absl::StatusOr<std::unique_ptr<Cursor>> NewCursor() override {
    return std::make_unique<NullCursor>(value_size_);
  }

 private:
  const uint64_t value_size_;
};

class NullEngine final : public Engine {
 public:
  explicit NullEngine(uint64_t value_size) : value_size_(value_size) {}

  std::string_view name() const override { return "null"; }
  std::unique_ptr<Session> NewSession() override {
    return std::make_unique<NullSession>(value_size_);
  }
  absl::Status Flush() override { return absl::OkStatus(); }
  absl::Status Settle() override { return absl::OkStatus(); }
  absl::Status CompactAll() override { return absl::OkStatus(); }
  absl::StatusOr<std::string> Property(std::string_view) override {
    return absl::InvalidArgumentError("null has no properties");
  }
  absl::Status Close() override { return absl::OkStatus(); }

 private:
  const uint64_t value_size_;
};

}  // namespace

std::unique_ptr<Engine> NewNullEngine(uint64_t value_size) {
  return std::make_unique<NullEngine>(value_size);
}

}  // namespace lissom::bench
