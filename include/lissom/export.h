// LISSOM_EXPORT marks what a shared lissom shows; all else in it is hidden. It
// means nothing in a static one: a library of yours that links lissom does not
// show lissom's symbols to its own users.
#ifndef LISSOM_EXPORT_H_
#define LISSOM_EXPORT_H_

#ifdef LISSOM_SHARED  // Comes with the CMake target and the pkg-config file.
#define LISSOM_EXPORT __attribute__((visibility("default")))
#else
#define LISSOM_EXPORT
#endif

#endif  // LISSOM_EXPORT_H_
