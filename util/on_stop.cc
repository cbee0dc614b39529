#include "util/on_stop.h"

#include <utility>

namespace lissom {

struct OnStop::Rep {
  std::stop_callback<std::function<void()>> callback;
};

OnStop::OnStop(const std::stop_token& token, std::function<void()> action)
    : rep_(new Rep{std::stop_callback<std::function<void()>>(
          token, std::move(action))}) {}

OnStop::~OnStop() = default;

}  // namespace lissom
