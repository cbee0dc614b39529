#include "src/tools/cli/shell.h"

#include <langinfo.h>
#include <unistd.h>

#include <clocale>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "editline/readline.h"
#include "src/tools/cli/line_reader.h"
#include "src/tools/cli/text.h"
#include "src/tools/cli/walk.h"
#include "src/tools/cli/words.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom::tools {
namespace {

constexpr char kHelp[] =
    "get KEY             print its value\n"
    "put KEY VALUE       store it\n"
    "delete KEY          delete it\n"
    "scan [FROM [TO]]    print the entries from FROM, inclusive, to TO, "
    "exclusive\n"
    "count [FROM [TO]]   print how many there are\n"
    "help                print this\n"
    "quit                leave; so does the end of the input\n"
    "Words end at blanks; \"quotes\" keep blanks in them, \"\" is the empty "
    "key.\n"
    "\\xNN is a byte, \\\\ a backslash, \\\" a quote.\n";

constexpr size_t kMaxLineBytes = size_t{1} << 30;

// A line, its end taken off; nullopt: there is none.
class LineSource {
 public:
  virtual ~LineSource() = default;
  virtual absl::StatusOr<std::optional<std::string>> Next() = 0;
  // "stdin:3: ", or nothing where the line is in sight.
  virtual std::string Where() const = 0;
};

class TerminalLines final : public LineSource {
 public:
  TerminalLines() {
    // Without a locale that knows UTF-8 libedit drops what is not ASCII, and
    // keys would lose bytes. No other thread runs yet.
    // NOLINTBEGIN(concurrency-mt-unsafe)
    if (std::setlocale(LC_CTYPE, "") == nullptr ||
        std::string_view(::nl_langinfo(CODESET)) != "UTF-8") {
      std::setlocale(LC_CTYPE, "C.UTF-8");
    }
    // NOLINTEND(concurrency-mt-unsafe)
    using_history();
  }

  absl::StatusOr<std::optional<std::string>> Next() override {
    char* const line = readline("lissom> ");
    if (line == nullptr) return std::nullopt;
    std::string text = line;
    std::free(line);  // NOLINT(cppcoreguidelines-no-malloc): libedit's.
    if (!text.empty()) add_history(text.c_str());
    return text;
  }
  std::string Where() const override { return ""; }
};

class PipeLines final : public LineSource {
 public:
  absl::StatusOr<std::optional<std::string>> Next() override {
    LISSOM_ASSIGN_OR_RETURN(const LineReader::Found found,
                            lines_.Next(kMaxLineBytes));
    if (found == LineReader::Found::kEnd) return std::nullopt;
    if (found == LineReader::Found::kTooLong) {
      return absl::InvalidArgumentError(
          absl::StrCat(Where(), "the line is longer than 1 GiB"));
    }
    return std::string(lines_.line());
  }
  std::string Where() const override {
    return absl::StrCat("stdin:", lines_.number(), ": ");
  }

 private:
  LineReader lines_{STDIN_FILENO, "stdin"};
};

class Session {
 public:
  Session(Cli& cli, DB& db) : cli_(cli), db_(db) {}

  // Executes one line. Its error is the command's; the session goes on.
  absl::Status Execute(std::string_view line, bool* quit) {
    absl::StatusOr<std::vector<std::string>> split = SplitWords(line);
    if (!split.ok()) return UsageError(MessageOf(split.status()));
    std::vector<std::string>& words = *split;
    if (words.empty() || words[0].starts_with('#')) return absl::OkStatus();
    const std::string command = words[0];
    words.erase(words.begin());
    if (cli_.hex()) {
      for (std::string& word : words) {
        LISSOM_ASSIGN_OR_RETURN(word, cli_.ParseBytes(command, word));
      }
    }
    if (command == "quit" || command == "exit") {
      *quit = true;
      return Expect(words, 0, 0, "quit");
    }
    return Dispatch(command, words);
  }

 private:
  using Words = std::vector<std::string>;

  absl::Status Dispatch(const std::string& command, const Words& words) {
    if (command == "get") return Get(words);
    if (command == "put") {
      LISSOM_RETURN_IF_ERROR(Expect(words, 2, 2, "put KEY VALUE"));
      return db_.Put(WriteOptions(), words[0], words[1]);
    }
    if (command == "delete") {
      LISSOM_RETURN_IF_ERROR(Expect(words, 1, 1, "delete KEY"));
      return db_.Delete(WriteOptions(), words[0]);
    }
    if (command == "scan") return Scan(words);
    if (command == "count") return Count(words);
    if (command == "help") {
      cli_.out().Write(kHelp);
      return Expect(words, 0, 0, "help");
    }
    return UsageError(
        absl::StrCat("no command '", Escape(command), "'; help lists them"));
  }

  static absl::Status Expect(const Words& words, size_t least, size_t most,
                             std::string_view form) {
    if (words.size() >= least && words.size() <= most) return absl::OkStatus();
    return UsageError(absl::StrCat("the command is: ", ToAbsl(form)));
  }

  absl::Status Get(const Words& words) {
    LISSOM_RETURN_IF_ERROR(Expect(words, 1, 1, "get KEY"));
    PinnedValue value;
    LISSOM_RETURN_IF_ERROR(db_.Get(ReadOptions(), words[0], &value));
    cli_.out().Write(cli_.Show(value.view()) + "\n");
    return absl::OkStatus();
  }

  static WalkOptions RangeOf(const Words& words) {
    WalkOptions walk;
    if (!words.empty()) walk.read.iterate_lower_bound = words[0];
    if (words.size() > 1) walk.read.iterate_upper_bound = words[1];
    return walk;
  }

  absl::Status Scan(const Words& words) {
    LISSOM_RETURN_IF_ERROR(Expect(words, 0, 2, "scan [FROM [TO]]"));
    return Walk(
        db_, RangeOf(words),
        [this](std::string_view key, std::string_view value, bool* more) {
          cli_.out().Write(cli_.Show(key) + "\t" + cli_.Show(value) + "\n");
          *more = cli_.out().good();
          return absl::OkStatus();
        });
  }

  absl::Status Count(const Words& words) {
    LISSOM_RETURN_IF_ERROR(Expect(words, 0, 2, "count [FROM [TO]]"));
    WalkOptions walk = RangeOf(words);
    walk.needs_value = false;
    uint64_t count = 0;
    LISSOM_RETURN_IF_ERROR(
        Walk(db_, walk, [&count](std::string_view, std::string_view, bool*) {
          ++count;
          return absl::OkStatus();
        }));
    cli_.out().Write(absl::StrCat(count, "\n"));
    return absl::OkStatus();
  }

  Cli& cli_;
  DB& db_;
};

// Executes lines until there are none. The error of the last command that
// failed, which was shown already, if `lines` are those of a pipe.
absl::Status Converse(Cli& cli, DB& db, LineSource& lines) {
  Session session(cli, db);
  absl::Status last;
  bool quit = false;
  while (!quit && cli.out().good()) {
    LISSOM_ASSIGN_OR_RETURN(const std::optional<std::string> line,
                            lines.Next());
    if (!line.has_value()) break;
    const absl::Status status = session.Execute(*line, &quit);
    LISSOM_RETURN_IF_ERROR(cli.out().Flush());
    if (status.ok()) continue;
    cli.Warn(lines.Where() + MessageOf(status));
    last = status;
  }
  return last;
}

absl::Status Shell(Cli& cli, bool read_only) {
  LISSOM_ASSIGN_OR_RETURN(const std::unique_ptr<DB> db,
                          read_only ? cli.OpenToRead() : cli.OpenToWrite());
  const bool terminal = isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
  std::unique_ptr<LineSource> lines;
  if (terminal) {
    cli.out().Write("help lists the commands; Ctrl-D leaves.\n");
    LISSOM_RETURN_IF_ERROR(cli.out().Flush());
    lines = std::make_unique<TerminalLines>();
  } else {
    lines = std::make_unique<PipeLines>();
  }
  const absl::Status last = Converse(cli, *db, *lines);
  LISSOM_RETURN_IF_ERROR(db->Close());
  // Who sat at a terminal has seen and, for all we know, mended it.
  return terminal ? absl::OkStatus() : cli.Shown(last);
}

}  // namespace

void AddShell(Cli& cli) {
  auto read_only = std::make_shared<bool>(false);
  CLI::App& verb = cli.AddVerb(
      {.name = "shell",
       .what = "Get, put, delete, scan and count, line by line.",
       .footer = "Commands come from the terminal or from a pipe. A command "
                 "that fails\ndoes not end the shell; if they came from a "
                 "pipe, the exit code is that\nof the last one that failed.",
       .hex = true},
      [&cli, read_only] { return Shell(cli, *read_only); });
  verb.add_flag("--read-only", *read_only,
                "Open to read, beside whoever may be writing.");
}

}  // namespace lissom::tools
