// The main function of every test executable.
//
// doctest's signal handlers stay out: children that a test forks would inherit them, and then
// SIGTERM and others would not have the dispositions that the test expects of a tracee.
#define DOCTEST_CONFIG_NO_POSIX_SIGNALS
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
