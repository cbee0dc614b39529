// Records as `load` reads them and `dump` writes them. A format is a pair of
// classes, and what the one writes the other reads back, byte for byte; where a
// format cannot hold an entry its writer says so.
//
//   tsv      key TAB value NEWLINE, both with the escapes of text.h
//   jsonl    {"key": "...", "value": "..."} a line; bytes that are no UTF-8
//            are "key_hex" and "value_hex", without 0x
//   lines    the line is the key, the value is empty
//   deb822   stanzas, ended by an empty line: the value is the stanza, the key
//            the text of one of its fields (of several: joined by '/')
//   ldb      0xKEY ==> 0xVALUE a line, and at the end "Keys in range: N", as
//            `ldb dump --hex` of RocksDB writes them (and `ldb scan --hex`,
//            with ':' instead of '==>')
//
// Thread-compatible.
#ifndef LISSOM_SRC_TOOLS_CLI_RECORD_H_
#define LISSOM_SRC_TOOLS_CLI_RECORD_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lissom/write_batch.h"
#include "src/tools/cli/line_reader.h"

namespace lissom::tools {

struct Record {
  std::string key;
  std::string value;
};

struct RecordFormat {
  std::string name = {};                              // "tsv" and so on.
  std::vector<std::string> key_fields = {"Package"};  // Of deb822.
  bool hex = false;  // jsonl, written: hex members only.
  // Larger ones are broken records.
  size_t max_key_bytes = WriteBatch::kMaxKeyBytes;
  size_t max_value_bytes = WriteBatch::kMaxValueBytes;
};

// "deb822, jsonl, ldb, lines, tsv", for messages.
extern const char kFormatNames[];

class RecordReader {
 public:
  virtual ~RecordReader() = default;
  RecordReader(const RecordReader&) = delete;
  RecordReader& operator=(const RecordReader&) = delete;

  // True: *record is the next one; false: there is none. kInvalidArgument: a
  // broken record, "FILE:LINE: what is wrong"; the next call goes on behind it.
  // Any other error: the file cannot be read.
  virtual absl::StatusOr<bool> Next(Record* record) = 0;

 protected:
  RecordReader() = default;
};

class RecordWriter {
 public:
  virtual ~RecordWriter() = default;
  RecordWriter(const RecordWriter&) = delete;
  RecordWriter& operator=(const RecordWriter&) = delete;

  // Appends the entry to *text. kInvalidArgument, and nothing appended: the
  // format cannot hold it.
  virtual absl::Status Add(std::string_view key, std::string_view value,
                           std::string* text) = 0;
  // What follows the last entry.
  virtual void Finish(std::string* /*text*/) {}

 protected:
  RecordWriter() = default;
};

// Null: there is no format of that name. `lines` is borrowed.
std::unique_ptr<RecordReader> NewRecordReader(const RecordFormat& format,
                                              LineReader& lines);
std::unique_ptr<RecordWriter> NewRecordWriter(const RecordFormat& format);

}  // namespace lissom::tools

#endif  // LISSOM_SRC_TOOLS_CLI_RECORD_H_
