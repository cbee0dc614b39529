#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/tools/cli/record_formats.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom::tools {
namespace {

// What stands between stanzas; blanks in it do not show.
bool IsBlank(std::string_view line) {
  return line.find_first_not_of(" \t") == std::string_view::npos;
}

// Makes a key of a stanza, line by line.
class KeyOfStanza {
 public:
  explicit KeyOfStanza(const std::vector<std::string>& fields)
      : fields_(fields), texts_(fields.size()) {}

  // "Name: text", a continuation that begins with a blank, or a # comment.
  absl::Status AddLine(std::string_view line) {
    const bool continues = line.starts_with(' ') || line.starts_with('\t');
    if (line.starts_with('#') || (continues && any_field_)) {
      return absl::OkStatus();
    }
    const size_t colon = line.find(':');
    if (colon == 0 || colon == std::string_view::npos || continues) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", Escape(line, 40), "' is no line 'Field: text'"));
    }
    any_field_ = true;
    return AddField(line.substr(0, colon), line.substr(colon + 1));
  }

  absl::StatusOr<std::string> Key() const {
    std::vector<std::string> parts;
    parts.reserve(fields_.size());
    for (size_t i = 0; i < fields_.size(); ++i) {
      if (!texts_[i].has_value() || texts_[i]->empty()) {
        return absl::InvalidArgumentError(absl::StrCat(
            "the stanza has ", texts_[i].has_value() ? "an empty" : "no",
            " field '", fields_[i], "'"));
      }
      // Or other fields could make the same key.
      if (i + 1 < fields_.size() && absl::StrContains(*texts_[i], '/')) {
        return absl::InvalidArgumentError(
            absl::StrCat("field '", fields_[i],
                         "' has a '/', which joins the fields of a key"));
      }
      parts.push_back(*texts_[i]);
    }
    return absl::StrJoin(parts, "/");
  }

 private:
  absl::Status AddField(std::string_view name, std::string_view text) {
    for (size_t i = 0; i < fields_.size(); ++i) {
      if (!absl::EqualsIgnoreCase(ToAbsl(name), fields_[i])) continue;
      if (texts_[i].has_value()) {
        return absl::InvalidArgumentError(
            absl::StrCat("the stanza has a second field '", fields_[i], "'"));
      }
      texts_[i] = std::string(absl::StripAsciiWhitespace(ToAbsl(text)));
    }
    return absl::OkStatus();
  }

  const std::vector<std::string>& fields_;
  std::vector<std::optional<std::string>> texts_;
  bool any_field_ = false;
};

class StanzaReader final : public RecordReader {
 public:
  StanzaReader(RecordFormat format, LineReader& lines)
      : format_(std::move(format)), lines_(lines) {}

  absl::StatusOr<bool> Next(Record* record) override {
    record->value.clear();
    uint64_t first = 0;  // Line of the stanza.
    KeyOfStanza key(format_.key_fields);
    absl::Status bad;  // The first thing wrong with it.
    while (true) {
      LISSOM_ASSIGN_OR_RETURN(const LineReader::Found found,
                              lines_.Next(format_.max_value_bytes));
      const bool is_line = found == LineReader::Found::kLine;
      const bool is_end = found == LineReader::Found::kEnd ||
                          (is_line && IsBlank(lines_.line()));
      if (is_end && first != 0) break;
      if (found == LineReader::Found::kEnd) return false;
      if (is_end) continue;  // Several empty lines.
      if (first == 0) first = lines_.number();
      if (bad.ok()) bad = AddLine(found, record, &key);
      // A stanza that is too long is not to fill the memory either.
      if (!bad.ok()) std::string().swap(record->value);
    }
    LISSOM_RETURN_IF_ERROR(bad);
    absl::StatusOr<std::string> bytes = key.Key();
    absl::Status status = bytes.status();
    if (status.ok()) {
      status = CheckSizes(format_, bytes->size(), record->value.size());
    }
    if (!status.ok()) return BadRecord(lines_, first, ToStd(status.message()));
    record->key = *std::move(bytes);
    return true;
  }

 private:
  absl::Status AddLine(LineReader::Found found, Record* record,
                       KeyOfStanza* key) {
    const std::string_view line = lines_.line();
    if (found == LineReader::Found::kTooLong ||
        record->value.size() + line.size() > format_.max_value_bytes) {
      return BadRecord(lines_, lines_.number(),
                       absl::StrCat("the stanza is longer than ",
                                    format_.max_value_bytes, " bytes"));
    }
    if (!record->value.empty()) record->value += '\n';
    record->value += line;
    absl::Status status = key->AddLine(line);
    if (status.ok()) return status;
    return BadRecord(lines_, lines_.number(), ToStd(status.message()));
  }

  const RecordFormat format_;
  LineReader& lines_;
};

class StanzaWriter final : public RecordWriter {
 public:
  explicit StanzaWriter(RecordFormat format) : format_(std::move(format)) {}

  absl::Status Add(std::string_view key, std::string_view value,
                   std::string* text) override {
    const absl::Status fits = Fits(key, value);
    if (!fits.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("the value of '", Escape(key),
                       "' is no stanza of that key: ", fits.message()));
    }
    absl::StrAppend(text, ToAbsl(value), "\n\n");
    return absl::OkStatus();
  }

 private:
  // Would load read this entry from its value?
  absl::Status Fits(std::string_view key, std::string_view value) const {
    KeyOfStanza found(format_.key_fields);
    size_t at = 0;
    while (at <= value.size()) {
      const size_t end = std::min(value.find('\n', at), value.size());
      const std::string_view line = value.substr(at, end - at);
      if (IsBlank(line)) {
        return absl::InvalidArgumentError("it has an empty line");
      }
      LISSOM_RETURN_IF_ERROR(found.AddLine(line));
      at = end + 1;
    }
    LISSOM_ASSIGN_OR_RETURN(const std::string bytes, found.Key());
    if (bytes == key) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("its fields make '", Escape(bytes), "'"));
  }

  const RecordFormat format_;
};

}  // namespace

std::unique_ptr<RecordReader> NewStanzaReader(const RecordFormat& format,
                                              LineReader& lines) {
  return std::make_unique<StanzaReader>(format, lines);
}

std::unique_ptr<RecordWriter> NewStanzaWriter(const RecordFormat& format) {
  return std::make_unique<StanzaWriter>(format);
}

}  // namespace lissom::tools
