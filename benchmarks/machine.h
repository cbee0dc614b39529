// The machine that a measurement is from, as db_bench names it.
#ifndef LISSOM_BENCHMARKS_MACHINE_H_
#define LISSOM_BENCHMARKS_MACHINE_H_

#include <string>

namespace lissom::bench {

struct Machine {
  std::string date;  // "Sat Nov 21 21:06:52 2026", local time.
  int processors = 0;
  std::string cpu;        // The model's name; empty: not known.
  std::string cpu_cache;  // "36608 KB"; empty: not known.
};

Machine ThisMachine();

}  // namespace lissom::bench

#endif  // LISSOM_BENCHMARKS_MACHINE_H_
