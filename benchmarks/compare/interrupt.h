// Ctrl-C and SIGTERM: a comparison ends in order and removes its databases,
// which are large.
#ifndef LISSOM_BENCHMARKS_COMPARE_INTERRUPT_H_
#define LISSOM_BENCHMARKS_COMPARE_INTERRUPT_H_

namespace lissom::bench {

// From now on the signals set a flag instead of ending the process.
void CatchInterrupts();
bool Interrupted();

}  // namespace lissom::bench

#endif  // LISSOM_BENCHMARKS_COMPARE_INTERRUPT_H_
