# What users link and install: the folders' libraries as one, static or shared
# (BUILD_SHARED_LIBS); its CMake package, its pkg-config file, the programs.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(parts util table filename wal memtable version output metrics
    write read flush compaction recovery db)
# The file systems that tests run on are not shipped.
set(fakes "(memory_disk|memory_file_system|fault_injection_file_system)\\.cc")
foreach(part ${parts})
  list(APPEND objects $<FILTER:$<TARGET_OBJECTS:lissom_${part}>,EXCLUDE,${fakes}>)
endforeach()

# What the public headers show; and what only the library itself needs.
set(public_absl absl::status absl::statusor absl::time absl::function_ref)
set(private_absl absl::strings absl::str_format absl::cord absl::flat_hash_map absl::core_headers)

add_library(lissom ${objects})
add_library(lissom::lissom ALIAS lissom)
target_compile_features(lissom PUBLIC cxx_std_20)
target_include_directories(lissom PUBLIC
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(lissom
  PUBLIC ${public_absl}
  PRIVATE ${private_absl} PkgConfig::xxhash PkgConfig::zstd Threads::Threads)
# An LISSOM_EXPORT in the headers says what a shared library shows.
if(BUILD_SHARED_LIBS)
  target_compile_definitions(lissom PUBLIC LISSOM_SHARED)
endif()
# Until 1.0 each minor version may change the binary interface.
set(soversion ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
set_target_properties(lissom PROPERTIES
  VERSION ${PROJECT_VERSION} SOVERSION ${soversion} LINKER_LANGUAGE CXX)

if(NOT LISSOM_INSTALL)
  return()
endif()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/lissom)
install(TARGETS lissom EXPORT lissomTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/lissom
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(EXPORT lissomTargets NAMESPACE lissom:: DESTINATION ${package_dir})
configure_package_config_file(
  ${CMAKE_CURRENT_LIST_DIR}/lissomConfig.cmake.in
  ${PROJECT_BINARY_DIR}/lissomConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(
  ${PROJECT_BINARY_DIR}/lissomConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/lissomConfig.cmake
  ${PROJECT_BINARY_DIR}/lissomConfigVersion.cmake DESTINATION ${package_dir})

# A static library has its users link what it needs itself.
set(pc_public absl_status absl_statusor absl_time absl_function_ref)
set(pc_private absl_strings absl_str_format absl_cord absl_flat_hash_map libxxhash libzstd)
list(JOIN pc_public ", " LISSOM_PC_REQUIRES)
list(JOIN pc_private ", " LISSOM_PC_PRIVATE)
set(LISSOM_PC_FLAGS -DLISSOM_SHARED)
set(LISSOM_PC_REQUIRES_PRIVATE ${LISSOM_PC_PRIVATE})
set(LISSOM_PC_LIBS "")
if(NOT BUILD_SHARED_LIBS)
  string(APPEND LISSOM_PC_REQUIRES ", ${LISSOM_PC_PRIVATE}")
  set(LISSOM_PC_REQUIRES_PRIVATE "")
  set(LISSOM_PC_FLAGS "")
  set(LISSOM_PC_LIBS "-pthread")
endif()
# Found from where the file itself is, so the tree may be moved.
file(RELATIVE_PATH LISSOM_PC_PREFIX
  ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
# (A directory that was given whole stays where it is.)
foreach(dir LIBDIR INCLUDEDIR)
  set(LISSOM_PC_${dir} "\${prefix}/${CMAKE_INSTALL_${dir}}")
  if(IS_ABSOLUTE "${CMAKE_INSTALL_${dir}}")
    set(LISSOM_PC_${dir} "${CMAKE_INSTALL_${dir}}")
  endif()
endforeach()
configure_file(${CMAKE_CURRENT_LIST_DIR}/lissom.pc.in
  ${PROJECT_BINARY_DIR}/lissom.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/lissom.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(TARGET lissom_cli)
  install(TARGETS lissom_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
