// LISSOM_RETURN_IF_ERROR(expr): leave the function with the error of `expr`.
// LISSOM_ASSIGN_OR_RETURN(lhs, expr): take the value of a StatusOr, or leave.
#ifndef LISSOM_UTIL_STATUS_MACROS_H_
#define LISSOM_UTIL_STATUS_MACROS_H_

#include <utility>

#include "absl/base/optimization.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define LISSOM_RETURN_IF_ERROR(expr)                \
  do {                                              \
    if (absl::Status lissom_status_ = (expr);       \
        ABSL_PREDICT_FALSE(!lissom_status_.ok())) { \
      return lissom_status_;                        \
    }                                               \
  } while (false)

#define LISSOM_MACRO_CONCAT_INNER(a, b) a##b
#define LISSOM_MACRO_CONCAT(a, b) LISSOM_MACRO_CONCAT_INNER(a, b)

// NOLINTBEGIN(bugprone-macro-parentheses): these are a declaration's parts.
#define LISSOM_ASSIGN_OR_RETURN(lhs, expr)                                     \
  LISSOM_ASSIGN_OR_RETURN_IMPL(LISSOM_MACRO_CONCAT(lissom_or_, __LINE__), lhs, \
                               expr)
#define LISSOM_ASSIGN_OR_RETURN_IMPL(statusor, lhs, expr) \
  auto statusor = (expr);                                 \
  if (ABSL_PREDICT_FALSE(!statusor.ok())) {               \
    return std::move(statusor).status();                  \
  }                                                       \
  lhs = std::move(statusor).value()
// NOLINTEND(bugprone-macro-parentheses)

#endif  // LISSOM_UTIL_STATUS_MACROS_H_
