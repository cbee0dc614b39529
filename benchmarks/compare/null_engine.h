// An Engine that stores nothing and finds everything: what the harness itself
// costs, the floor under every figure.
#ifndef LISSOM_BENCHMARKS_COMPARE_NULL_ENGINE_H_
#define LISSOM_BENCHMARKS_COMPARE_NULL_ENGINE_H_

#include <memory>

#include "benchmarks/engine.h"

namespace lissom::bench {

// Every key has a value of `value_size` bytes; a scan never ends.
std::unique_ptr<Engine> NewNullEngine(uint64_t value_size);

}  // namespace lissom::bench

#endif  // LISSOM_BENCHMARKS_COMPARE_NULL_ENGINE_H_
