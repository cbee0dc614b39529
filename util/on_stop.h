// OnStop calls a function when a std::stop_token is told to stop, on the thread
// that tells it; at once if that was before. No call begins after the
// destruction, which waits for one under way.
//
// std::stop_callback, but for where it sleeps: only util/ may.
#ifndef LISSOM_UTIL_ON_STOP_H_
#define LISSOM_UTIL_ON_STOP_H_

#include <functional>
#include <memory>
#include <stop_token>

namespace lissom {

class OnStop {
 public:
  // `action` must not throw.
  OnStop(const std::stop_token& token, std::function<void()> action);
  ~OnStop();
  OnStop(const OnStop&) = delete;
  OnStop& operator=(const OnStop&) = delete;

 private:
  struct Rep;
  std::unique_ptr<Rep> rep_;
};

}  // namespace lissom

#endif  // LISSOM_UTIL_ON_STOP_H_
