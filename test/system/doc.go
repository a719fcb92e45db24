// Package system tests the finished program from outside: the real server as its
// own process, called by telephones that share not a line with it (sipp and
// baresip), and judged by what came over the wire, what the server's HTTP door
// and command line say of it, and what can be heard.
//
// It never reaches into the server. Citizens call from 127.0.0.2, which is the
// carrier's address, phones are on 127.0.0.1, strangers on 127.0.0.9. Sound is
// told apart by its frequency: every prompt and every voice of a test has its own.
//
// A missing tool skips the tests with a text that names the package to install;
// with CAGRI_TEST_REQUIRE=1 it fails them instead.
package system
