#include <optional>

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

// The bytes of member `name` or of `name`_hex, of which there must be one.
absl::StatusOr<std::string> BytesOf(const Json& object, std::string_view name) {
  const std::string hex_name = std::string(name) + "_hex";
  const auto plain = object.find(std::string(name));
  const auto hex = object.find(hex_name);
  if ((plain == object.end()) == (hex == object.end())) {
    return Bad(absl::StrCat(plain == object.end() ? "neither" : "both", " '",
                            ToAbsl(name), "' ",
                            plain == object.end() ? "nor" : "and", " '",
                            hex_name, "' in the object"));
  }
  const bool is_hex = hex != object.end();
  const Json& member = is_hex ? *hex : *plain;
  if (!member.is_string()) {
    return Bad(absl::StrCat("'", is_hex ? hex_name : std::string(name),
                            "' is no string"));
  }
  const auto& text = member.get_ref<const std::string&>();
  if (!is_hex) return text;
  absl::StatusOr<std::string> bytes = FromHex(text);
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
  Json object;
  try {
    object = Json::parse(line);
  } catch (const Json::parse_error& error) {
    if (error.byte > line.size())
      return Bad("no JSON: the line ends too early");
    return Bad(absl::StrCat("no JSON: byte ", error.byte,
                            " of the line is not what may stand there"));
  } catch (const Json::out_of_range&) {
    return Bad("no JSON: a number is out of range");
  }
  if (!object.is_object()) return Bad("the line is no JSON object");
  for (const auto& [name, value] : object.items()) {
    if (name != "key" && name != "key_hex" && name != "value" &&
        name != "value_hex") {
      return Bad(absl::StrCat("unknown member '", Escape(name),
                              "': a record has key and value"));
    }
  }
  LISSOM_ASSIGN_OR_RETURN(record->key, BytesOf(object, "key"));
  LISSOM_ASSIGN_OR_RETURN(record->value, BytesOf(object, "value"));
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
