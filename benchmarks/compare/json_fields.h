// Structs to JSON and back. A struct is described once, by a function
// Fields(T&, visit) in its namespace that names each member; reading and
// writing both follow it, and a reader is told which member is wrong.
//
//   template <typename Visit>
//   void Fields(Point& p, Visit visit) { visit("x", p.x); visit("y", p.y); }
#ifndef LISSOM_BENCHMARKS_COMPARE_JSON_FIELDS_H_
#define LISSOM_BENCHMARKS_COMPARE_JSON_FIELDS_H_

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom::bench {

using Json = nlohmann::ordered_json;

namespace internal {
template <typename T>
struct IsVector : std::false_type {};
template <typename T>
struct IsVector<std::vector<T>> : std::true_type {};

inline absl::Status NotA(const std::string& where, std::string_view wanted) {
  return absl::InvalidArgumentError(
      absl::StrCat(where, " is not ", ToAbsl(wanted)));
}
}  // namespace internal

// `value` is not const because Fields serves both directions; it is not
// changed.
template <typename T>
Json WriteFields(T& value) {
  if constexpr (std::is_same_v<T, double>) {
    return std::isfinite(value) ? value : 0.0;  // JSON has no word for others.
  } else if constexpr (std::is_arithmetic_v<T> ||
                       std::is_same_v<T, std::string>) {
    return value;
  } else if constexpr (internal::IsVector<T>::value) {
    Json array = Json::array();
    for (auto& element : value) array.push_back(WriteFields(element));
    return array;
  } else {
    Json object = Json::object();
    Fields(value, [&object](const char* name, auto& member) {
      object[name] = WriteFields(member);
    });
    return object;
  }
}

// kInvalidArgument: a member is missing or of another type. `where` is the
// path to `json`, for the message.
template <typename T>
absl::Status ReadFields(const Json& json, const std::string& where, T& value) {
  using internal::NotA;
  if constexpr (std::is_same_v<T, bool>) {
    if (!json.is_boolean()) return NotA(where, "true or false");
    value = json.get<bool>();
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (!json.is_string()) return NotA(where, "a string");
    value = json.get<std::string>();
  } else if constexpr (std::is_same_v<T, uint64_t>) {
    if (!json.is_number_unsigned()) return NotA(where, "a whole number");
    value = json.get<uint64_t>();
  } else if constexpr (std::is_same_v<T, double>) {
    if (!json.is_number()) return NotA(where, "a number");
    value = json.get<double>();
  } else if constexpr (internal::IsVector<T>::value) {
    if (!json.is_array()) return NotA(where, "an array");
    value.resize(json.size());
    for (size_t i = 0; i < json.size(); ++i) {
      LISSOM_RETURN_IF_ERROR(
          ReadFields(json[i], absl::StrCat(where, "[", i, "]"), value[i]));
    }
  } else {
    if (!json.is_object()) return NotA(where, "an object");
    absl::Status status;
    Fields(value, [&](const char* name, auto& member) {
      if (!status.ok()) return;
      const std::string path = absl::StrCat(where, ".", name);
      const auto found = json.find(name);
      status =
          found == json.end()
              ? absl::InvalidArgumentError(absl::StrCat(path, " is missing"))
              : ReadFields(*found, path, member);
    });
    return status;
  }
  return absl::OkStatus();
}

// One line, whatever bytes are in the strings.
inline std::string Dump(const Json& json, int indent = -1) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace lissom::bench

#endif  // LISSOM_BENCHMARKS_COMPARE_JSON_FIELDS_H_
