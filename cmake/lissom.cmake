# Helpers of the build: lissom_library, lissom_test, lissom_benchmark and
# lissom_program. Flags sit on targets, never on the directory.

if(PROJECT_IS_TOP_LEVEL)
  set(CMAKE_CXX_STANDARD 20)
  set(CMAKE_CXX_STANDARD_REQUIRED ON)
  set(CMAKE_CXX_EXTENSIONS OFF)
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
  find_program(LISSOM_CCACHE ccache)
  if(LISSOM_CCACHE)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${LISSOM_CCACHE})
  endif()
  find_program(LISSOM_MOLD mold)
  if(LISSOM_MOLD)
    add_link_options(-fuse-ld=mold)
  endif()
endif()

# Everything that all our targets are compiled with; hung on each target.
add_library(lissom_flags INTERFACE)
target_compile_features(lissom_flags INTERFACE cxx_std_20)
target_compile_options(lissom_flags INTERFACE
  -Wall -Wextra
  # A newer compiler's new warning is ours to mend, not our users'.
  $<$<BOOL:${PROJECT_IS_TOP_LEVEL}>:-Werror>
  # GCC 12 takes std::string::insert and assign for overlapping copies (PR105329).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>)
target_compile_definitions(lissom_flags INTERFACE
  $<$<BOOL:${LISSOM_CHECKS}>:LISSOM_CHECKS=1>
  $<$<BOOL:${BUILD_SHARED_LIBS}>:LISSOM_SHARED>)
target_include_directories(lissom_flags INTERFACE ${PROJECT_SOURCE_DIR})
if(LISSOM_SANITIZE)
  list(JOIN LISSOM_SANITIZE "," sanitizers)
  target_compile_options(lissom_flags INTERFACE
    -fsanitize=${sanitizers} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(lissom_flags INTERFACE -fsanitize=${sanitizers})
endif()

# lissom_library(name SRCS ... DEPS ... [COLD]): the static library of one folder.
# DEPS are linked publicly: what a header of ours shows, its users need. COLD:
# nothing in it is worth the bytes that -O3 takes more than -O2 (a fifth).
function(lissom_library name)
  cmake_parse_arguments(arg "COLD" "" "SRCS;DEPS" ${ARGN})
  add_library(lissom_${name} STATIC ${arg_SRCS})
  add_library(lissom::${name} ALIAS lissom_${name})
  target_link_libraries(lissom_${name} PUBLIC ${arg_DEPS} PRIVATE lissom_flags)
  target_include_directories(lissom_${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>)
  if(arg_COLD)
    target_compile_options(lissom_${name} PRIVATE $<$<CONFIG:Release>:-O2>)
  endif()
  # Only what LISSOM_EXPORT marks is seen from outside of what this ends up in.
  set_target_properties(lissom_${name} PROPERTIES
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  if(BUILD_SHARED_LIBS)
    set_target_properties(lissom_${name} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  endif()
endfunction()

# lissom_test(coding_test DEPS ... [LABELS slow] [TIMEOUT s] [COMPUTES]): one gtest
# program from <name>.cc in this folder; target and ctest entry carry the folder's
# path below tests/, as util_coding_test and util/coding_test. COMPUTES: most of
# its time is spent in its own code.
function(lissom_test name)
  cmake_parse_arguments(arg "COMPUTES" "TIMEOUT" "SRCS;DEPS;LABELS;ARGS" ${ARGN})
  cmake_path(RELATIVE_PATH CMAKE_CURRENT_SOURCE_DIR
             BASE_DIRECTORY ${PROJECT_SOURCE_DIR}/tests OUTPUT_VARIABLE folder)
  set(path ${folder}/${name})
  if(folder STREQUAL ".")
    set(path ${name})
  endif()
  string(REPLACE "/" "_" target ${path})
  add_executable(${target} ${name}.cc ${arg_SRCS})
  target_link_libraries(${target} PRIVATE ${arg_DEPS} GTest::gmock GTest::gtest_main lissom_flags)
  # The work is done in the libraries. What a compiler takes longer for a test's
  # own code is a third of its time with -O2, and half with sanitizers and -O1.
  target_compile_options(${target} PRIVATE
    $<$<CONFIG:RelWithDebInfo>:$<IF:$<AND:$<BOOL:${LISSOM_SANITIZE}>,$<NOT:$<BOOL:${arg_COMPUTES}>>>,-O0,-O1>>
    # With -O1 GCC 12 sees it in constants that are copied (std::vector's).
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  add_test(NAME ${path} COMMAND ${target} --gtest_brief=1 ${arg_ARGS})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  set_tests_properties(${path} PROPERTIES TIMEOUT ${arg_TIMEOUT} LABELS "${arg_LABELS}")
endfunction()

# lissom_benchmark(skiplist_bench DEPS ...): one Google Benchmark program.
function(lissom_benchmark name)
  cmake_parse_arguments(arg "" "" "DEPS" ${ARGN})
  add_executable(${name} ${name}.cc)
  target_link_libraries(${name} PRIVATE ${arg_DEPS} benchmark::benchmark lissom_flags)
endfunction()

# lissom_program(quickstart DEPS ...): one plain program from <name>.cc.
function(lissom_program name)
  cmake_parse_arguments(arg "" "" "DEPS" ${ARGN})
  add_executable(${name} ${name}.cc)
  target_link_libraries(${name} PRIVATE ${arg_DEPS} lissom_flags)
endfunction()
