// What the dumps of this folder share: where their lines go, and how bytes,
// which may be anything, become text.
//
// A dump writes lines as it reads, so it takes no more memory than the largest
// record or block. Nothing that it reads is believed; what is wrong is shown in
// its place, and the status that the dump returns is that of the first flaw:
// kDataLoss naming file and offset. It never writes to what it looks at.
#ifndef LISSOM_SRC_TOOLS_INSPECT_DUMP_H_
#define LISSOM_SRC_TOOLS_INSPECT_DUMP_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "lissom/file_system.h"
#include "table/internal_key.h"
#include "util/file_id.h"
#include "util/json_line.h"

namespace lissom::tools {

// Takes lines, which have no newline at their end, as long as somebody wants
// them: `write` says false when nobody does any more, and the dump ends.
class LineSink {
 public:
  explicit LineSink(std::function<bool(std::string_view line)> write)
      : write_(std::move(write)) {}
  void operator()(std::string_view line) { wanted_ = wanted_ && write_(line); }
  bool wanted() const { return wanted_; }

 private:
  const std::function<bool(std::string_view line)> write_;
  bool wanted_ = true;
};

struct DumpStyle {
  bool json = false;  // A line is a JSON object.
  bool hex = false;   // Keys and values as hexadecimal digits.
};

// Bytes for people: "key\x00" in quotes, as src/tools/cli/text.h escapes them
// (a quote as \x22); or, with style.hex, 0x6B657900.
std::string Shown(std::string_view bytes, const DumpStyle& style);

// Adds a member: `name` with the bytes as text, or, if that would lose some
// (they are not UTF-8) or style.hex asks for it, `name`_hex with bare digits.
void AddBytes(JsonLine& line, const std::string& name, std::string_view bytes,
              const DumpStyle& style);

// "1122334455667788-99aabbccddeeff00"
std::string Shown(const FileId& id);

// "put", "delete", ...; "kind 9" for one that has no name here.
std::string KindName(EntryKind kind);

// "1 change", "3 changes".
std::string Counted(uint64_t count, std::string_view noun);

// kInvalidArgument naming `path` if there is no file there, or a directory.
absl::Status CheckIsFile(FileSystem& files, const std::string& path,
                         std::string_view noun);

// The part behind the last slash.
std::string_view BaseName(std::string_view path);

// Remembers the first thing that is wrong.
class FirstFlaw {
 public:
  void Note(const absl::Status& status) {
    if (status_.ok()) status_ = status;
  }
  const absl::Status& status() const { return status_; }

 private:
  absl::Status status_;
};

// A status's message without codes and payloads.
std::string PlainMessage(const absl::Status& status);

}  // namespace lissom::tools

#endif  // LISSOM_SRC_TOOLS_INSPECT_DUMP_H_
