# The tests that look at the tree as a whole. Included by tests/CMakeLists.txt.

# Includes point down.
lissom_test(layering_test)
target_compile_definitions(layering_test PRIVATE
  LISSOM_SOURCE_DIR="${PROJECT_SOURCE_DIR}")

# The library's static libraries, whichever folders exist.
function(lissom_collect_libraries folder result)
  get_property(targets DIRECTORY ${folder} PROPERTY BUILDSYSTEM_TARGETS)
  get_property(folders DIRECTORY ${folder} PROPERTY SUBDIRECTORIES)
  set(found)
  foreach(target ${targets})
    get_target_property(type ${target} TYPE)
    if(type STREQUAL "STATIC_LIBRARY")
      list(APPEND found ${target})
    endif()
  endforeach()
  foreach(below ${folders})
    lissom_collect_libraries(${below} more)
    list(APPEND found ${more})
  endforeach()
  set(${result} ${found} PARENT_SCOPE)
endfunction()

set(libraries)
foreach(folder util table db)
  lissom_collect_libraries(${PROJECT_SOURCE_DIR}/${folder} found)
  list(APPEND libraries ${found})
endforeach()

# Files, time, randomness and threads are asked for in one file each.
if(CMAKE_NM)
  lissom_test(one_door_test)
  add_dependencies(one_door_test ${libraries})
  set(list ${CMAKE_CURRENT_BINARY_DIR}/one_door_libraries.txt)
  set(files ${libraries})
  list(TRANSFORM files REPLACE "(.+)" "$<TARGET_FILE:\\1>")
  list(JOIN files "\n" files)
  file(GENERATE OUTPUT ${list} CONTENT "${files}\n")
  target_compile_definitions(one_door_test PRIVATE
    LISSOM_NM="${CMAKE_NM}" LISSOM_LIBRARIES_FILE="${list}")
endif()

# Each header compiles alone: one source for each, which includes nothing else.
# Twice, so that a missing guard shows. Building it is the test: with g++, and
# with clang under the address sanitizer; a third time would say nothing new.
if(LISSOM_SANITIZE STREQUAL "thread")
  return()
endif()
file(GLOB headers CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}
  ${PROJECT_SOURCE_DIR}/include/lissom/*.h ${PROJECT_SOURCE_DIR}/util/*.h
  ${PROJECT_SOURCE_DIR}/table/*.h ${PROJECT_SOURCE_DIR}/db/*.h
  ${PROJECT_SOURCE_DIR}/db/*/*.h)
set(sources)
foreach(header ${headers})
  string(REGEX REPLACE "^include/" "" name ${header})
  string(REPLACE "/" "_" source ${name})
  set(source ${CMAKE_CURRENT_BINARY_DIR}/headers/${source}.cc)
  file(CONFIGURE OUTPUT ${source} CONTENT
    "#include \"${name}\"\n#include \"${name}\"\n")
  list(APPEND sources ${source})
endforeach()
add_library(headers_test OBJECT ${sources})
target_link_libraries(headers_test PRIVATE lissom_api ${libraries} lissom_flags)
target_compile_options(headers_test PRIVATE -Wpedantic -O0 -g0)
