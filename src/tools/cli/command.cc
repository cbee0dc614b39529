#include "src/tools/cli/command.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "lissom/comparator.h"
#include "src/tools/cli/signals.h"
#include "src/tools/cli/text.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom::tools {
namespace {

constexpr char kUsagePayload[] = "lissom/cli/usage";

constexpr char kExitCodes[] =
    "Exit codes: 0 done; 1 no such key; 2 the command is wrong; 3 an error\n"
    "(I/O, locked, no database, a broken record); 4 the database is damaged.\n"
    "Arguments that begin with '-' go behind '--'.";

// A message of one line: CLI11's may have several.
std::string OneLine(const std::string& text) {
  std::string line = text.substr(0, text.find_last_not_of('\n') + 1);
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line;
}

// CLI11 takes the first argument for DIR before it has seen a later --db.
// Behind the verb, --db is seen first: move it there. The verb is the first
// argument that is neither a flag nor --db's value.
std::vector<std::string> DbFirst(int argc, char** argv) {
  std::vector<std::string> moved;
  std::vector<std::string> others;
  bool flags = true;  // Until "--".
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    flags = flags && argument != "--";
    if (flags && argument == "--db" && i + 1 < argc) {
      moved.push_back(absl::StrCat("--db=", argv[++i]));
    } else if (flags && argument.starts_with("--db=")) {
      moved.push_back(argument);
    } else {
      others.push_back(argument);
    }
  }
  const auto verb = std::find_if(
      others.begin(), others.end(),
      [](const std::string& s) { return !s.empty() && s.front() != '-'; });
  others.insert(verb == others.end() ? verb : verb + 1, moved.begin(),
                moved.end());
  return others;
}

// A database is created in a directory that exists.
absl::Status CheckParent(std::string_view directory) {
  while (directory.size() > 1 && directory.ends_with('/')) {
    directory.remove_suffix(1);
  }
  const std::filesystem::path parent =
      std::filesystem::path(directory).parent_path();
  std::error_code ignored;  // Then it is none.
  if (parent.empty() || std::filesystem::is_directory(parent, ignored)) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      absl::StrCat(parent.string(), ": there is no such directory"));
}

// CLI11 takes whatever follows for a value: of "--from=" the next argument, of
// a forgotten value the next flag. The first is given its empty value, the
// second refused.
absl::Status GiveValues(const CLI::App& verb,
                        std::vector<std::string>& arguments) {
  const auto takes_value = [&verb](const std::string& name) {
    const CLI::Option* option = verb.get_option_no_throw(name);
    return option != nullptr && option->get_items_expected_min() > 0;
  };
  std::vector<std::string> given;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "--") {
      given.insert(given.end(), arguments.begin() + static_cast<long>(i),
                   arguments.end());
      break;
    }
    if (argument.starts_with("--") && argument.ends_with('=') &&
        argument != "--db=") {
      given.push_back(argument.substr(0, argument.size() - 1));
      given.emplace_back();
      continue;
    }
    given.push_back(argument);
    if (!takes_value(argument) || i + 1 == arguments.size()) continue;
    const std::string& value = arguments[i + 1];
    const std::string name = value.substr(0, value.find('='));
    if (value.starts_with('-') && verb.get_option_no_throw(name) != nullptr) {
      return UsageError(absl::StrCat(argument, ": its value is missing; if '",
                                     Escape(value), "' is meant, write ",
                                     argument, "=", Escape(value)));
    }
    given.push_back(value);
    ++i;
  }
  arguments = std::move(given);
  return absl::OkStatus();
}

}  // namespace

ExitCode ExitCodeOf(const absl::Status& status) {
  if (status.ok()) return kExitOk;
  if (status.GetPayload(kUsagePayload).has_value()) return kExitUsage;
  if (IsNotFound(status)) return kExitNoSuchKey;
  if (IsDataLoss(status)) return kExitDamage;
  return kExitError;
}

std::string MessageOf(const absl::Status& status) {
  return IsNotFound(status) ? "no such key" : std::string(status.message());
}

absl::Status WithMessage(const absl::Status& status, std::string_view message) {
  absl::Status changed(status.code(), ToAbsl(message));
  status.ForEachPayload(
      [&changed](absl::string_view type, const absl::Cord& payload) {
        changed.SetPayload(type, payload);
      });
  return changed;
}

absl::Status UsageError(std::string_view message) {
  absl::Status status = absl::InvalidArgumentError(ToAbsl(message));
  status.SetPayload(kUsagePayload, absl::Cord());
  return status;
}

Cli::Cli()
    : app_("Looks into lissom databases, and changes them.", "lissom"),
      out_(STDOUT_FILENO, "the output") {
  app_.footer(std::string("'lissom VERB --help' tells of one verb.\n") +
              kExitCodes);
  app_.require_subcommand(1);
  app_.set_version_flag("--version", "lissom " LISSOM_VERSION);
}

Cli::~Cli() = default;

CLI::App& Cli::AddVerb(const VerbInfo& info,
                       std::function<absl::Status()> run) {
  verbs_.insert(info.name);
  CLI::App& verb = *app_.add_subcommand(info.name, info.what);
  verb.footer(info.footer.empty() ? kExitCodes
                                  : info.footer + "\n\n" + kExitCodes);
  if (info.database) {
    verb.add_option("DIR,--db", directory_, "The database's directory.")
        ->required();
    verb.add_option("--comparator", comparator_,
                    "The order of its keys: bytewise or reverse-bytewise.")
        ->type_name("NAME");
  }
  if (info.hex) {
    verb.add_flag("--hex", hex_,
                  "Keys and values are shown and given as hexadecimal digits, "
                  "with or without 0x.");
  }
  if (info.escapes) {
    verb.add_flag("-e,--escapes", escapes_,
                  "Keys and values are given with the escapes that are shown: "
                  "\\xNN, \\\\.");
  }
  if (info.json) verb.add_flag("--json", json_, "Show JSON.");
  verb.callback([this, name = info.name, run = std::move(run)] {
    verb_ = name;
    run_ = run;
  });
  return verb;
}

// CLI11 would speak of subcommands.
absl::Status Cli::CheckVerb(const std::vector<std::string>& arguments) const {
  for (const std::string& argument : arguments) {
    if (verbs_.count(argument) != 0 || argument == "--help" ||
        argument == "-h" || argument == "--version") {
      return absl::OkStatus();
    }
    if (argument.starts_with("--db=")) continue;
    return UsageError(
        absl::StrCat(argument.starts_with('-') ? "before the verb there is no '"
                                               : "there is no verb '",
                     Escape(argument), "'; 'lissom --help' lists the verbs"));
  }
  return UsageError("there is no verb; 'lissom --help' lists them");
}

absl::Status Cli::Parse(int argc, char** argv, bool* done) {
  std::vector<std::string> arguments = DbFirst(argc, argv);
  if (arguments.empty()) arguments.emplace_back("--help");
  LISSOM_RETURN_IF_ERROR(CheckVerb(arguments));
  const auto verb = std::find_if(
      arguments.begin(), arguments.end(),
      [this](const std::string& s) { return verbs_.count(s) != 0; });
  if (verb != arguments.end()) {
    verb_ = *verb;
    LISSOM_RETURN_IF_ERROR(GiveValues(*app_.get_subcommand(verb_), arguments));
  }
  std::reverse(arguments.begin(), arguments.end());  // As CLI11 wants them.
  try {
    app_.parse(arguments);
  } catch (const CLI::Success& e) {  // --help, --version.
    *done = true;
    out_.Write(dynamic_cast<const CLI::CallForVersion*>(&e) != nullptr
                   ? std::string(e.what()) + "\n"
                   : app_.help());
  } catch (const CLI::ParseError& e) {
    return Refused(e);
  }
  return absl::OkStatus();
}

// CLI11's complaint in our words, where it speaks of how it works inside.
absl::Status Cli::Refused(const CLI::ParseError& error) {
  std::vector<std::string> extra;
  for (const CLI::App* verb : app_.get_subcommands()) {
    verb_ = verb->get_name();
    extra = verb->remaining();
  }
  if (!extra.empty()) {
    return UsageError(
        absl::StrCat("unexpected argument '", Escape(extra.front()), "'",
                     extra.front().starts_with('-')
                         ? "; a key that begins with '-' goes behind '--'"
                         : ""));
  }
  const std::string message = OneLine(error.what());
  const std::string option = message.substr(0, message.find(": "));
  if (absl::EndsWith(message, " missing")) {
    return UsageError(option + ": its value is missing");
  }
  if (absl::EndsWith(message, " was given a disallowed flag override")) {
    return UsageError(absl::StrCat("--", message.substr(0, message.find(' ')),
                                   ": it takes no value"));
  }
  if (absl::StrContains(message, "At Most 1 required")) {
    return UsageError(option + ": it can be given once");
  }
  return UsageError(
      absl::StrReplaceAll(message, {{"--db is required", "DIR is required"}}));
}

absl::Status Cli::RunVerb() {
  if (comparator_ != "bytewise" && comparator_ != "reverse-bytewise") {
    return UsageError(
        absl::StrCat("--comparator: '", Escape(comparator_),
                     "' is neither bytewise nor reverse-bytewise"));
  }
  return run_();
}

int Cli::Main(int argc, char** argv) {
  try {
    return Guarded(argc, argv);
  } catch (const std::bad_alloc&) {
    Warn("out of memory");
    return kExitError;
  }
}

int Cli::Guarded(int argc, char** argv) {
  // A reader that goes away is an EPIPE, for Output to see.
  std::signal(SIGPIPE, SIG_IGN);
  // So is a file that may not grow: the verb is to clean up behind itself.
  std::signal(SIGXFSZ, SIG_IGN);
  for (const std::string& name : verbs_) {
    // --reverse=2 is a mistake, not a flag given twice.
    for (CLI::Option* option : app_.get_subcommand(name)->get_options()) {
      if (option->get_expected_max() == 0) option->disable_flag_override();
    }
  }
  bool done = false;
  absl::Status status = Parse(argc, argv, &done);
  if (status.ok() && !done) status = RunVerb();
  // What was found before an error is shown, too.
  const absl::Status flushed = out_.Flush();
  if (status.ok()) status = flushed;
  if (status.ok()) return kExitOk;
  if (absl::IsCancelled(status) && Signals::Caught() != 0) {
    return 128 + Signals::Caught();
  }
  if (!shown_) Warn(MessageOf(status));
  return ExitCodeOf(status);
}

Options Cli::DbOptions() const {
  Options options;
  if (comparator_ == "reverse-bytewise") {
    options.comparator = ReverseBytewiseComparator();
  }
  return options;
}

absl::StatusOr<std::unique_ptr<DB>> Cli::OpenToRead() const {
  return DB::OpenReadOnly(DbOptions(), directory_);
}

absl::StatusOr<std::unique_ptr<DB>> Cli::OpenToWrite(bool create) const {
  Options options = DbOptions();
  options.create_if_missing = create;
  if (create) LISSOM_RETURN_IF_ERROR(CheckParent(directory_));
  absl::StatusOr<std::unique_ptr<DB>> db = DB::Open(options, directory_);
  if (db.ok() || create) return db;
  // The library names its option, which is none of ours.
  return WithMessage(
      db.status(),
      absl::StrReplaceAll(db.status().message(),
                          {{", and create_if_missing is off", ""}}));
}

absl::StatusOr<std::string> Cli::ParseBytes(std::string_view what,
                                            std::string_view argument) const {
  if (!hex_ && !escapes_) return std::string(argument);
  if (hex_ && escapes_) {
    return UsageError("--hex and --escapes exclude each other");
  }
  absl::StatusOr<std::string> bytes =
      hex_ ? FromHex(argument) : FromEscaped(argument);
  if (bytes.ok()) return bytes;
  return UsageError(absl::StrCat(ToAbsl(what), ": ", bytes.status().message()));
}

std::string Cli::Show(std::string_view bytes) const {
  return hex_ ? ToHex(bytes) : ToEscaped(bytes);
}

absl::Status Cli::Shown(const absl::Status& status) {
  shown_ = true;
  return status;
}

void Cli::Warn(std::string_view message) const {
  std::fprintf(stderr, "lissom: %s%s%.*s\n", verb_.c_str(),
               verb_.empty() ? "" : ": ", static_cast<int>(message.size()),
               message.data());
}

void AddNumber(CLI::App& verb, const std::string& flag,
               std::optional<uint64_t>& number, const std::string& help) {
  verb.add_option_function<std::string>(
          flag,
          [flag, &number](const std::string& text) {
            uint64_t value = 0;
            const char* const end = text.data() + text.size();
            const auto parsed = std::from_chars(text.data(), end, value);
            if (parsed.ec != std::errc() || parsed.ptr != end) {
              throw CLI::ValidationError(flag,
                                         "'" + Escape(text) + "' is no number");
            }
            number = value;
          },
          help)
      ->type_name("N");
}

void AddLimit(CLI::App& verb, RangeFlags& flags) {
  AddNumber(verb, "--limit", flags.limit, "Stop after so many entries.");
}

void AddRange(CLI::App& verb, RangeFlags& flags) {
  verb.add_option("--from", flags.from, "Begin at this key (inclusive).")
      ->type_name("KEY");
  verb.add_option("--to", flags.to, "End before this key (exclusive).")
      ->type_name("KEY");
}

absl::StatusOr<ReadOptions> BoundsOf(const Cli& cli, const RangeFlags& flags) {
  ReadOptions options;
  options.fill_cache = false;
  if (flags.from.has_value()) {
    LISSOM_ASSIGN_OR_RETURN(options.iterate_lower_bound,
                            cli.ParseBytes("--from", *flags.from));
  }
  if (flags.to.has_value()) {
    LISSOM_ASSIGN_OR_RETURN(options.iterate_upper_bound,
                            cli.ParseBytes("--to", *flags.to));
  }
  if (flags.from.has_value() && flags.to.has_value() &&
      cli.DbOptions().comparator->Compare(*options.iterate_lower_bound,
                                          *options.iterate_upper_bound) > 0) {
    return UsageError("--from is behind --to in the order of keys");
  }
  return options;
}

}  // namespace lissom::tools
