# Run as a test: the code that README.md shows is the code of quickstart.cc.
file(READ ${SOURCE}/examples/quickstart.cc program)
file(READ ${SOURCE}/README.md readme)
set(begin_mark "\n  // [README] shows these lines; a test compares them.")
string(FIND "${program}" "${begin_mark}" begin)
string(FIND "${program}" "\n  // [/README]" end)
if(begin EQUAL -1 OR end EQUAL -1)
  message(FATAL_ERROR "examples/quickstart.cc has lost its [README] marks")
endif()
string(LENGTH "${begin_mark}" mark_length)
math(EXPR begin "${begin} + ${mark_length}")
math(EXPR length "${end} - ${begin}")
string(SUBSTRING "${program}" ${begin} ${length} lines)
string(REPLACE "\n  " "\n" lines "${lines}")  # The indentation.
string(FIND "${readme}" "```cpp${lines}\n```" found)
if(found EQUAL -1)
  message(FATAL_ERROR "README.md does not show the code between the marks of "
    "examples/quickstart.cc. Its block should be:\n${lines}")
endif()
