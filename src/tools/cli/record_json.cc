#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "src/tools/cli/record_formats.h"
#include "src/tools/cli/text.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom::tools {
namespace {

using Json = nlohmann::json;

absl::Status Bad(std::string_view message) {
  return absl::InvalidArgumentError(ToAbsl(message));
}

// What a record may be: one flat object of strings. Anything else ends the
// reading where it begins, so a line takes no more memory than its strings do.
class RecordParser final : public nlohmann::json_sax<Json> {
 public:
  explicit RecordParser(std::string_view line) : line_(line) {}

  const absl::Status& status() const { return status_; }
  absl::StatusOr<std::string> Take(std::string_view name);

  bool start_object(std::size_t) override {
    if (in_object_) return NoString();
    in_object_ = true;
    return true;
  }
  bool key(string_t& name) override;
  bool string(string_t& text) override {
    if (!in_object_) return NoString();
    members_[name_] = std::move(text);
    return true;
  }
  bool end_object() override { return true; }

  bool null() override { return NoString(); }
  bool boolean(bool) override { return NoString(); }
  bool number_integer(number_integer_t) override { return NoString(); }
  bool number_unsigned(number_unsigned_t) override { return NoString(); }
  bool number_float(number_float_t, const string_t&) override {
    return NoString();
  }
  bool binary(binary_t&) override { return NoString(); }
  bool start_array(std::size_t) override { return NoString(); }
  bool end_array() override { return NoString(); }
  bool parse_error(std::size_t position, const std::string& last_token,
                   const nlohmann::detail::exception& error) override;

 private:
  bool NoString() {
    return Fail(in_object_ ? absl::StrCat("'", name_, "' is no string")
                           : "the line is no JSON object");
  }
  bool Fail(const std::string& message) {
    status_ = Bad(message);
    return false;
  }

  const std::string_view line_;
  absl::Status status_;
  bool in_object_ = false;
  std::string name_;  // Of the member whose value comes next.
  std::map<std::string, std::string> members_;
};

bool RecordParser::key(string_t& name) {
  if (name != "key" && name != "key_hex" && name != "value" &&
      name != "value_hex") {
    return Fail(absl::StrCat("unknown member '", Escape(name),
                             "': a record has key and value"));
  }
  name_ = name;
  if (members_.count(name) == 0) return true;
  return Fail(absl::StrCat("'", name, "' twice in the object"));
}

bool RecordParser::parse_error(std::size_t position, const std::string&,
                               const nlohmann::detail::exception& error) {
  constexpr int kNumberOutOfRange = 406;
  if (error.id == kNumberOutOfRange) {
    return Fail("no JSON: a number is out of range");
  }
  if (position > line_.size()) {
    return Fail("no JSON: the line ends too early");
  }
  return Fail(absl::StrCat("no JSON: byte ", position,
                           " of the line is not what may stand there"));
}

// The bytes of member `name` or of `name`_hex, of which there must be one.
absl::StatusOr<std::string> RecordParser::Take(std::string_view name) {
  const std::string hex_name = std::string(name) + "_hex";
  const auto plain = members_.find(std::string(name));
  const auto hex = members_.find(hex_name);
  const bool none = plain == members_.end() && hex == members_.end();
  if (none || (plain != members_.end() && hex != members_.end())) {
    return Bad(absl::StrCat(none ? "neither" : "both", " '", ToAbsl(name), "' ",
                            none ? "nor" : "and", " '", hex_name,
                            "' in the object"));
  }
  if (plain != members_.end()) return std::move(plain->second);
  absl::StatusOr<std::string> bytes = FromHex(hex->second);
  if (bytes.ok()) return bytes;
  return Bad(absl::StrCat("'", hex_name, "': ", bytes.status().message()));
}

void AppendMember(std::string_view name, std::string_view bytes, bool hex,
                  std::string* text) {
  absl::StrAppend(text, "\"", ToAbsl(name));
  if (hex || !IsUtf8(bytes)) {
    absl::StrAppend(text, "_hex\":\"", ToBareHex(bytes), "\"");
  } else {
    absl::StrAppend(text, "\":", Json(std::string(bytes)).dump());
  }
}

}  // namespace

absl::Status RecordFromJson(std::string_view line, Record* record) {
  RecordParser parser(line);
  if (!Json::sax_parse(line, &parser)) return parser.status();
  LISSOM_ASSIGN_OR_RETURN(record->key, parser.Take("key"));
  LISSOM_ASSIGN_OR_RETURN(record->value, parser.Take("value"));
  return absl::OkStatus();
}

void AppendJsonRecord(std::string_view key, std::string_view value, bool hex,
                      std::string* text) {
  *text += '{';
  AppendMember("key", key, hex, text);
  *text += ',';
  AppendMember("value", value, hex, text);
  *text += '}';
}

}  // namespace lissom::tools
