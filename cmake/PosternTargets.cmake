# How every target of the project is built. One library a folder (postern::NAME), PRIVATE by default;
# the allowed include edges between folders are a ctest (tests/lint/include_edges.py).

option(POSTERN_TESTS "Build the unit tests" ON)
option(POSTERN_BENCH "Build the micro benchmarks" OFF)
option(POSTERN_FUZZ "Build the libFuzzer targets" OFF)
# Headers and templates once for several. Names in anonymous namespaces must then differ within a folder; the debug preset sees to it
# that each source stands alone.
option(POSTERN_UNITY "Compile the libraries' sources several at a time" OFF)
# Targets whose sources have the same names for things of their own.
set(POSTERN_ONE_BY_ONE tools test_support auth_test config_test dns_test mta_sts_test tls_report_test gateway_test session_test smtp_test spool_test tls_test)
set(POSTERN_SANITIZE "" CACHE STRING "Argument of -fsanitize, e.g. address,undefined")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)

find_program(POSTERN_CCACHE ccache)
if(POSTERN_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Sloppiness: what ccache needs to trust a precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}
      CCACHE_NOHASHDIR=1 ${POSTERN_CCACHE})
endif()

find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(fmt 9 REQUIRED)
find_package(spdlog 1.10 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(CARES REQUIRED IMPORTED_TARGET libcares>=1.18)
pkg_check_modules(IDN2 REQUIRED IMPORTED_TARGET libidn2)
pkg_check_modules(CRYPT REQUIRED IMPORTED_TARGET libcrypt>=4.4)
pkg_check_modules(PQ REQUIRED IMPORTED_TARGET libpq)
pkg_check_modules(LDAP REQUIRED IMPORTED_TARGET ldap lber)
if(POSTERN_TESTS)
  find_package(GTest REQUIRED)
  # The tests that run under ThreadSanitizer: whatever has more than one thread.
  add_custom_target(tsan_tests)
  include(GoogleTest)
endif()

# Optimising costs a third of a sanitizer's build. Tests under ThreadSanitizer wait more than they compute, and what
# computes under AddressSanitizer is in the libraries.
if(POSTERN_SANITIZE STREQUAL "thread")
  set(optimise -O0)
elseif(POSTERN_SANITIZE)
  set(optimise $<IF:$<BOOL:$<TARGET_PROPERTY:POSTERN_IS_TEST>>,-O0,-O1>)
else()
  set(optimise -O1)
endif()

# Flags of every target; an interface library, so that one link line carries them all.
add_library(postern_options INTERFACE)
target_compile_options(postern_options INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Werror -Wshadow -Wnon-virtual-dtor -Wunused
  $<$<CONFIG:Debug>:${optimise}>
  $<$<CONFIG:Debug>:-fno-omit-frame-pointer> -g1
  "SHELL:-Xclang -fno-pch-timestamp")
target_include_directories(postern_options INTERFACE ${CMAKE_SOURCE_DIR})
# Mixing separate and header-only Asio is an ODR violation: every target gets the definition.
target_compile_definitions(postern_options INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE=16
  POSTERN_VERSION="${PROJECT_VERSION}")
if(POSTERN_SANITIZE)
  target_compile_options(postern_options INTERFACE
    -fsanitize=${POSTERN_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(postern_options INTERFACE -fsanitize=${POSTERN_SANITIZE})
endif()
if(POSTERN_FUZZ)
  # What a fuzzer never runs needs no counters for it.
  target_compile_options(postern_options INTERFACE
    $<$<NOT:$<BOOL:$<TARGET_PROPERTY:POSTERN_IS_TEST>>>:-fsanitize=fuzzer-no-link>)
endif()

# A precompiled header costs as much as two sources and saves a third of each: where there are some.
function(postern_precompile target header)
  get_target_property(sources ${target} SOURCES)
  list(LENGTH sources count)
  if(count GREATER 5)
    target_precompile_headers(${target} PRIVATE "${CMAKE_SOURCE_DIR}/cmake/${header}")
  endif()
endfunction()

# postern_library(NAME SOURCES... [PUBLIC ...] [PRIVATE ...]): a folder's library, linked as postern::NAME.
function(postern_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  if(NOT ARG_SOURCES)
    file(WRITE ${CMAKE_BINARY_DIR}/empty_${name}.cc "namespace postern {}\n")
    set(ARG_SOURCES ${CMAKE_BINARY_DIR}/empty_${name}.cc)
  endif()
  add_library(postern_${name} STATIC ${ARG_SOURCES})
  add_library(postern::${name} ALIAS postern_${name})
  target_link_libraries(postern_${name} PUBLIC postern_options ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
  # The pure protocol may not find Asio by accident: no header for it.
  if(POSTERN_UNITY AND NOT name IN_LIST POSTERN_ONE_BY_ONE)
    set_target_properties(postern_${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
  elseif(NOT name STREQUAL "smtp")
    postern_precompile(postern_${name} pch.h)
  endif()
endfunction()

# postern_test(NAME SOURCES... LIBS ... [LABELS ...]): one test executable, every case a ctest test.
function(postern_test name)
  if(NOT POSTERN_TESTS)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS;LABELS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE postern_options ${ARG_LIBS} GTest::gmock GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE POSTERN_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  set_target_properties(${name} PROPERTIES POSTERN_IS_TEST ON)
  if(POSTERN_UNITY AND NOT name IN_LIST POSTERN_ONE_BY_ONE)
    set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 6)
  else()
    postern_precompile(${name} pch_test.h)
  endif()
  # One label: gtest_discover_tests takes a list of several apart.
  set(label unit)
  if("tsan" IN_LIST ARG_LABELS)
    set(label tsan)
    add_dependencies(tsan_tests ${name})
  endif()
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES LABELS ${label} TIMEOUT 300)
endfunction()

# postern_fuzz(NAME SOURCE LIBS...): a libFuzzer target in build/asan/fuzz/NAME.
function(postern_fuzz name source)
  if(NOT POSTERN_FUZZ)
    return()
  endif()
  add_executable(${name} ${source})
  target_link_libraries(${name} PRIVATE postern_options ${ARGN})
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
endfunction()
