#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "src/tools/cli/transfer.h"
#include "util/strings.h"

namespace lissom::tools {

void AddFormat(CLI::App& verb, RecordFormat& format) {
  verb.add_option("-f,--format", format.name,
                  std::string("One of ") + kFormatNames + ".")
      ->type_name("NAME")
      ->required();
  verb.add_option_function<std::string>(
          "--key-field",
          [&format](const std::string& names) {
            format.key_fields = absl::StrSplit(names, ',');
          },
          "deb822: the field that is the key (default: Package); of several, "
          "A,B, the texts are joined by '/'.")
      ->type_name("FIELD");
}

absl::Status CheckFormat(const RecordFormat& format) {
  if (NewRecordWriter(format) == nullptr) {
    return UsageError(absl::StrCat("--format: '", Escape(format.name),
                                   "' is none of ", kFormatNames));
  }
  for (const std::string& field : format.key_fields) {
    if (field.empty() || field.find_first_of(": \t\n#") != std::string::npos) {
      return UsageError(absl::StrCat("--key-field: '", Escape(field),
                                     "' is no name of a field"));
    }
  }
  return absl::OkStatus();
}

}  // namespace lissom::tools
