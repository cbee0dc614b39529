#include "src/tools/cli/record.h"

#include <charconv>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/tools/cli/record_formats.h"
#include "src/tools/cli/text.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom::tools {

const char kFormatNames[] = "deb822, jsonl, ldb, lines, tsv";

absl::Status BadRecord(const LineReader& lines, uint64_t line,
                       std::string_view message) {
  return absl::InvalidArgumentError(
      absl::StrCat(lines.name(), ":", line, ": ", ToAbsl(message)));
}

absl::Status CheckSizes(const RecordFormat& format, size_t key_bytes,
                        size_t value_bytes) {
  if (key_bytes > format.max_key_bytes) {
    return absl::InvalidArgumentError(absl::StrCat("the key has ", key_bytes,
                                                   " bytes, and may have ",
                                                   format.max_key_bytes));
  }
  if (value_bytes > format.max_value_bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("the value has ", value_bytes, " bytes, and may have ",
                     format.max_value_bytes));
  }
  return absl::OkStatus();
}

namespace {

constexpr std::string_view kLdbArrow = " ==> ";
constexpr std::string_view kLdbColon = " : ";
constexpr std::string_view kLdbTrailer = "Keys in range: ";

// A format with one record to a line, or none.
class LineFormatReader : public RecordReader {
 public:
  // `widest`: the most bytes of a line that a byte of the record may take.
  LineFormatReader(RecordFormat format, LineReader& lines, size_t widest)
      : format_(std::move(format)),
        lines_(lines),
        max_line_bytes_(
            (format_.max_key_bytes + format_.max_value_bytes) * widest + 256) {}

  absl::StatusOr<bool> Next(Record* record) final {
    while (true) {
      LISSOM_ASSIGN_OR_RETURN(const LineReader::Found found,
                              lines_.Next(max_line_bytes_));
      if (found == LineReader::Found::kEnd) return false;
      if (found == LineReader::Found::kTooLong) {
        return Bad(absl::StrCat("the line is longer than ", max_line_bytes_,
                                " bytes"));
      }
      absl::StatusOr<bool> is_record = Parse(lines_.line(), record);
      if (!is_record.ok()) return Bad(is_record.status().message());
      if (!*is_record) continue;
      const absl::Status fits =
          CheckSizes(format_, record->key.size(), record->value.size());
      if (!fits.ok()) return Bad(fits.message());
      return true;
    }
  }

 protected:
  // False: a line that is no record, and may be there.
  virtual absl::StatusOr<bool> Parse(std::string_view line, Record* record) = 0;

 private:
  absl::Status Bad(absl::string_view message) const {
    return BadRecord(lines_, lines_.number(), ToStd(message));
  }

  const RecordFormat format_;
  LineReader& lines_;
  const size_t max_line_bytes_;
};

class TsvReader final : public LineFormatReader {
 public:
  TsvReader(const RecordFormat& format, LineReader& lines)
      : LineFormatReader(format, lines, 4) {}

 private:
  absl::StatusOr<bool> Parse(std::string_view line, Record* record) override {
    const size_t tab = line.find('\t');
    if (tab == std::string_view::npos) {
      return absl::InvalidArgumentError("no TAB between key and value");
    }
    const std::string_view value = line.substr(tab + 1);
    if (value.find('\t') != std::string_view::npos) {
      return absl::InvalidArgumentError(
          "a second TAB: within a key or value it is written \\x09");
    }
    // Dumps have none: it is what another system ends its lines with.
    if (line.find('\r') != std::string_view::npos) {
      return absl::InvalidArgumentError(
          "a carriage return: within a key or value it is written \\x0D");
    }
    LISSOM_ASSIGN_OR_RETURN(record->key, FromEscaped(line.substr(0, tab)));
    LISSOM_ASSIGN_OR_RETURN(record->value, FromEscaped(value));
    return true;
  }
};

class TsvWriter final : public RecordWriter {
 public:
  absl::Status Add(std::string_view key, std::string_view value,
                   std::string* text) override {
    AppendEscaped(key, text);
    *text += '\t';
    AppendEscaped(value, text);
    *text += '\n';
    return absl::OkStatus();
  }
};

class JsonReader final : public LineFormatReader {
 public:
  JsonReader(const RecordFormat& format, LineReader& lines)
      : LineFormatReader(format, lines, 6) {}  // \u0001

 private:
  absl::StatusOr<bool> Parse(std::string_view line, Record* record) override {
    LISSOM_RETURN_IF_ERROR(RecordFromJson(line, record));
    return true;
  }
};

class JsonWriter final : public RecordWriter {
 public:
  explicit JsonWriter(bool hex) : hex_(hex) {}
  absl::Status Add(std::string_view key, std::string_view value,
                   std::string* text) override {
    AppendJsonRecord(key, value, hex_, text);
    *text += '\n';
    return absl::OkStatus();
  }

 private:
  const bool hex_;
};

class LinesReader final : public LineFormatReader {
 public:
  LinesReader(const RecordFormat& format, LineReader& lines)
      : LineFormatReader(format, lines, 1) {}

 private:
  absl::StatusOr<bool> Parse(std::string_view line, Record* record) override {
    record->key = line;
    record->value.clear();
    return true;
  }
};

class LinesWriter final : public RecordWriter {
 public:
  absl::Status Add(std::string_view key, std::string_view value,
                   std::string* text) override {
    if (!value.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "'", Escape(key),
          "' has a value, for which lines have no room: use another format, "
          "or scan --keys"));
    }
    if (key.find('\n') != std::string_view::npos) {
      return absl::InvalidArgumentError(absl::StrCat(
          "'", Escape(key), "' has a newline in it: use another format"));
    }
    *text += key;
    *text += '\n';
    return absl::OkStatus();
  }
};

class LdbReader final : public LineFormatReader {
 public:
  LdbReader(const RecordFormat& format, LineReader& lines)
      : LineFormatReader(format, lines, 2) {}

 private:
  absl::StatusOr<bool> Parse(std::string_view line, Record* record) override {
    if (line.starts_with(kLdbTrailer)) return Trailer(line);
    ++count_;
    std::string_view separator = kLdbArrow;
    size_t at = line.find(separator);
    if (at == std::string_view::npos) {
      separator = kLdbColon;
      at = line.find(separator);
    }
    if (at == std::string_view::npos || !line.starts_with("0x") ||
        !line.substr(at + separator.size()).starts_with("0x")) {
      return absl::InvalidArgumentError(
          "no line '0xKEY ==> 0xVALUE', as ldb dump --hex writes it");
    }
    LISSOM_ASSIGN_OR_RETURN(record->key, FromHex(line.substr(0, at)));
    LISSOM_ASSIGN_OR_RETURN(record->value,
                            FromHex(line.substr(at + separator.size())));
    return true;
  }

  // A dump that lost lines on its way is noticed here.
  absl::StatusOr<bool> Trailer(std::string_view line) {
    const std::string_view text = line.substr(kLdbTrailer.size());
    uint64_t said = 0;
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, said);
    const uint64_t read = std::exchange(count_, 0);
    if (parsed.ec == std::errc() && parsed.ptr == end && said == read) {
      return false;
    }
    return absl::InvalidArgumentError(
        absl::StrCat("'", Escape(line), "', and ", read, " came before it"));
  }

  uint64_t count_ = 0;  // Records since the start or the last trailer.
};

class LdbWriter final : public RecordWriter {
 public:
  absl::Status Add(std::string_view key, std::string_view value,
                   std::string* text) override {
    ++count_;
    AppendHex(key, text);
    *text += kLdbArrow;
    AppendHex(value, text);
    *text += '\n';
    return absl::OkStatus();
  }
  void Finish(std::string* text) override {
    absl::StrAppend(text, ToAbsl(kLdbTrailer), count_, "\n");
  }

 private:
  uint64_t count_ = 0;
};

}  // namespace

std::unique_ptr<RecordReader> NewRecordReader(const RecordFormat& format,
                                              LineReader& lines) {
  if (format.name == "tsv") return std::make_unique<TsvReader>(format, lines);
  if (format.name == "jsonl") {
    return std::make_unique<JsonReader>(format, lines);
  }
  if (format.name == "lines") {
    return std::make_unique<LinesReader>(format, lines);
  }
  if (format.name == "ldb") return std::make_unique<LdbReader>(format, lines);
  if (format.name == "deb822") return NewStanzaReader(format, lines);
  return nullptr;
}

std::unique_ptr<RecordWriter> NewRecordWriter(const RecordFormat& format) {
  if (format.name == "tsv") return std::make_unique<TsvWriter>();
  if (format.name == "jsonl") return std::make_unique<JsonWriter>(format.hex);
  if (format.name == "lines") return std::make_unique<LinesWriter>();
  if (format.name == "ldb") return std::make_unique<LdbWriter>();
  if (format.name == "deb822") return NewStanzaWriter(format);
  return nullptr;
}

}  // namespace lissom::tools
