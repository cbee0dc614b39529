#include "benchmarks/flag_parser.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom::bench {
namespace {

template <typename... Parts>
absl::Status Wrong(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

std::optional<bool> SwitchOf(std::string_view text) {
  for (const char* yes : {"1", "t", "true", "y", "yes"}) {
    if (absl::EqualsIgnoreCase(ToAbsl(text), yes)) return true;
  }
  for (const char* no : {"0", "f", "false", "n", "no"}) {
    if (absl::EqualsIgnoreCase(ToAbsl(text), no)) return false;
  }
  return std::nullopt;
}

absl::Status OutOfRange(const Flag& flag, bool unset) {
  return Wrong(unset ? "neither -1 nor in " : "not in ", flag.least, " to ",
               flag.most);
}

// A whole number; nullopt for -1, where `unset` allows it.
absl::Status ParseWhole(const Flag& flag, std::string_view text, bool unset,
                        std::optional<uint64_t>* to) {
  const bool minus = text.starts_with('-');
  const std::string_view digits = text.substr(minus ? 1 : 0);
  if (digits.empty() ||
      digits.find_first_not_of("0123456789") != std::string_view::npos) {
    return Wrong("not a whole number");
  }
  if (unset && text == "-1") {
    *to = std::nullopt;
    return absl::OkStatus();
  }
  uint64_t number = 0;
  const auto parsed =
      std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (parsed.ec != std::errc() || number < flag.least || number > flag.most ||
      (minus && number != 0)) {
    return OutOfRange(flag, unset);
  }
  *to = number;
  return absl::OkStatus();
}

struct Setter {
  const Flag& flag;
  std::string_view text;

  absl::Status operator()(uint64_t* to) const {
    std::optional<uint64_t> number;
    LISSOM_RETURN_IF_ERROR(ParseWhole(flag, text, false, &number));
    *to = *number;
    return absl::OkStatus();
  }
  absl::Status operator()(std::optional<uint64_t>* to) const {
    return ParseWhole(flag, text, true, to);
  }
  absl::Status operator()(double* to) const {
    double number = 0;
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, number);
    if (text.empty() || parsed.ec != std::errc() || parsed.ptr != end ||
        !std::isfinite(number)) {
      return Wrong("not a number");
    }
    if (number < static_cast<double>(flag.least) ||
        number > static_cast<double>(flag.most)) {
      return OutOfRange(flag, false);
    }
    *to = number;
    return absl::OkStatus();
  }
  absl::Status operator()(bool* to) const {
    const std::optional<bool> on = SwitchOf(text);
    if (!on.has_value()) return Wrong("neither true nor false");
    *to = *on;
    return absl::OkStatus();
  }
  absl::Status operator()(std::string* to) const {
    if (flag.least > 0 && text.empty()) return Wrong("must not be empty");
    if (!flag.choices.empty()) {
      const std::vector<std::string> choices =
          absl::StrSplit(ToAbsl(flag.choices), '|');
      if (std::find(choices.begin(), choices.end(), text) == choices.end()) {
        return Wrong("not one of ",
                     absl::StrReplaceAll(ToAbsl(flag.choices), {{"|", ", "}}));
      }
    }
    *to = text;
    return absl::OkStatus();
  }
};

// A number without leading zeros and such, a switch as "1" or "0": what two
// spellings of a fixed value have in common.
std::string Plain(std::string_view text) {
  const std::optional<bool> on = SwitchOf(text);
  if (on.has_value()) return *on ? "1" : "0";
  return std::string(text);
}

bool HasWord(std::string_view words, std::string_view word) {
  const std::vector<absl::string_view> all =
      absl::StrSplit(ToAbsl(words), ' ', absl::SkipEmpty());
  return std::find(all.begin(), all.end(), ToAbsl(word)) != all.end();
}

// One pass over a command line.
class Pass {
 public:
  Pass(const FlagTable& table, int argc, const char* const* argv)
      : table_(table), arguments_(argv + 1, argv + argc) {
    undefok_flag_ = {"undefok", &undefok_, 0, 0,
                     "unknown flags that are passed over, with commas"};
  }

  absl::Status Go() {
    // What --undefok names counts wherever it stands.
    for (dry_ = true, at_ = 0; at_ < arguments_.size(); ++at_) {
      ParseOne(arguments_[at_]).IgnoreError();  // Reported in the second pass.
    }
    const std::vector<std::string> names =
        absl::StrSplit(undefok_, ',', absl::SkipEmpty());
    passed_over_.insert(names.begin(), names.end());
    for (dry_ = false, at_ = 0; at_ < arguments_.size(); ++at_) {
      if (arguments_[at_] == "--") break;
      LISSOM_RETURN_IF_ERROR(ParseOne(arguments_[at_]));
    }
    if (at_ + 1 < arguments_.size()) {
      return Wrong("unexpected argument '", ToAbsl(arguments_[at_ + 1]), "'");
    }
    return absl::OkStatus();
  }

 private:
  struct Given {
    std::string_view name;
    std::optional<std::string_view> value;
  };

  absl::Status ParseOne(std::string_view argument) {
    if (!argument.starts_with('-') || argument.size() < 2) {
      return Wrong("unexpected argument '", ToAbsl(argument), "'");
    }
    Given given{.name = argument.substr(argument.starts_with("--") ? 2 : 1),
                .value = {}};
    if (const size_t equals = given.name.find('=');
        equals != std::string_view::npos) {
      given.value = given.name.substr(equals + 1);
      given.name = given.name.substr(0, equals);
    }
    if (given.name == "help") return absl::CancelledError(table_.Help());
    if (const Flag* flag = Find(given.name)) return Set(*flag, given);
    if (given.name.starts_with("no")) {
      const Flag* flag = Find(given.name.substr(2));
      if (flag != nullptr && std::holds_alternative<bool*>(flag->value)) {
        if (given.value.has_value()) {
          return Wrong("--", ToAbsl(given.name), " takes no value");
        }
        return Set(*flag, {.name = flag->name, .value = "false"});
      }
    }
    return NotOurs(given);
  }

  const Flag* Find(std::string_view name) const {
    if (name == undefok_flag_.name) return &undefok_flag_;
    for (const Flag& flag : table_.flags) {
      if (flag.name == name) return &flag;
    }
    return nullptr;
  }

  absl::Status Set(const Flag& flag, const Given& given) {
    std::string_view text = "true";
    if (given.value.has_value()) {
      text = *given.value;
    } else if (!std::holds_alternative<bool*>(flag.value)) {
      if (at_ + 1 == arguments_.size()) {
        return Wrong("--", ToAbsl(flag.name), ": its value is missing");
      }
      text = arguments_[++at_];
    }
    if (dry_ && &flag != &undefok_flag_) return absl::OkStatus();
    absl::Status set = std::visit(Setter{flag, text}, flag.value);
    if (set.ok()) return set;
    return Wrong("--", ToAbsl(flag.name), "=", Escape(text), ": ",
                 set.message());
  }

  absl::Status NotOurs(const Given& given) {
    std::string_view value = given.value.value_or("true");
    if (!given.value.has_value() && at_ + 1 < arguments_.size() &&
        !arguments_[at_ + 1].starts_with('-')) {
      value = arguments_[++at_];
    }
    if (passed_over_.contains(std::string(given.name))) return absl::OkStatus();
    for (const FixedFlag& fixed : table_.fixed) {
      const bool off =
          given.name.starts_with("no") && given.name.substr(2) == fixed.name;
      if (fixed.name != given.name && !off) continue;
      if (Plain(off ? "false" : value) == Plain(fixed.value)) {
        return absl::OkStatus();
      }
      return Wrong("--", ToAbsl(fixed.name), " can only be ",
                   ToAbsl(fixed.value), ": ", ToAbsl(fixed.reason),
                   Excuse(fixed.name));
    }
    if (HasWord(table_.foreign, given.name)) {
      return Wrong("--", ToAbsl(given.name), " is ",
                   ToAbsl(table_.foreign_program), "'s and has no meaning here",
                   Excuse(given.name));
    }
    return Wrong("unknown flag --", Escape(given.name), "; ",
                 ToAbsl(table_.program), " --help lists those there are");
  }

  static std::string Excuse(std::string_view name) {
    return absl::StrCat("; --undefok=", ToAbsl(name), " has it passed over");
  }

  const FlagTable& table_;
  const std::vector<std::string_view> arguments_;
  std::string undefok_;
  Flag undefok_flag_;
  std::set<std::string> passed_over_;
  bool dry_ = false;
  size_t at_ = 0;
};

}  // namespace

absl::Status FlagTable::Parse(int argc, const char* const* argv) const {
  return Pass(*this, argc, argv).Go();
}

std::string ValueText(const Flag& flag) {
  struct Text {
    std::string operator()(const uint64_t* n) const { return absl::StrCat(*n); }
    std::string operator()(const std::optional<uint64_t>* n) const {
      return n->has_value() ? absl::StrCat(**n) : "-1";
    }
    std::string operator()(const double* n) const { return absl::StrCat(*n); }
    std::string operator()(const bool* b) const {
      return *b ? "true" : "false";
    }
    std::string operator()(const std::string* s) const { return *s; }
  };
  return std::visit(Text{}, flag.value);
}

std::string FlagTable::Help() const {
  size_t width = 0;
  for (const Flag& flag : flags) width = std::max(width, flag.name.size());
  std::string help = absl::StrCat(ToAbsl(program), " [--FLAG=VALUE...]");
  for (const Flag& flag : flags) {
    absl::StrAppend(&help, "\n  --", ToAbsl(flag.name),
                    std::string(width + 2 - flag.name.size(), ' '),
                    ToAbsl(flag.help), " (", ValueText(flag), ")");
  }
  return help;
}

}  // namespace lissom::bench
