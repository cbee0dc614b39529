// ReadMeter is the machine's file system for a verb that reads a database whole
// and shows how far it is: it counts the bytes read of tables, and refuses
// whatever would change a file.
//
// Thread-safe if `on_read` is.
#ifndef LISSOM_SRC_TOOLS_CLI_READ_METER_H_
#define LISSOM_SRC_TOOLS_CLI_READ_METER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "lissom/file_system.h"
#include "util/forwarding_file_system.h"

namespace lissom::tools {

class ReadMeter final : public ReadOnlyFileSystem {
 public:
  using OnRead = std::function<void(uint64_t bytes)>;

  ReadMeter(std::shared_ptr<FileSystem> base, OnRead on_read);

  absl::StatusOr<std::unique_ptr<RandomAccessFile>> OpenForRead(
      const std::string& path, const IoContext& context) override;

 private:
  const std::shared_ptr<const OnRead> on_read_;  // Files may outlive us.
};

}  // namespace lissom::tools

#endif  // LISSOM_SRC_TOOLS_CLI_READ_METER_H_
