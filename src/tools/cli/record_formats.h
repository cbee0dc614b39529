// The formats that are more than a line; for record.cc, which has the others
// and makes them all.
#ifndef LISSOM_SRC_TOOLS_CLI_RECORD_FORMATS_H_
#define LISSOM_SRC_TOOLS_CLI_RECORD_FORMATS_H_

#include <memory>
#include <string>
#include <string_view>

#include "src/tools/cli/record.h"

namespace lissom::tools {

// The error of a broken record: "FILE:LINE: message".
absl::Status BadRecord(const LineReader& lines, uint64_t line,
                       std::string_view message);

// OK, or which of the two is over its limit, and by how much.
absl::Status CheckSizes(const RecordFormat& format, size_t key_bytes,
                        size_t value_bytes);

std::unique_ptr<RecordReader> NewStanzaReader(const RecordFormat& format,
                                              LineReader& lines);
std::unique_ptr<RecordWriter> NewStanzaWriter(const RecordFormat& format);

// One line of jsonl. kInvalidArgument: it is none.
absl::Status RecordFromJson(std::string_view line, Record* record);
// The same as text, without a newline. `hex`: even if the bytes are UTF-8.
void AppendJsonRecord(std::string_view key, std::string_view value, bool hex,
                      std::string* text);

}  // namespace lissom::tools

#endif  // LISSOM_SRC_TOOLS_CLI_RECORD_FORMATS_H_
