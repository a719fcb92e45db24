// Package config turns defaults, one YAML file and CAGRI_… variables into one
// checked Config, and can tell for each value where it came from.
//
// It never starts anything. The invariant: a Config that Load returned is
// complete (every value usable as it stands) and holds no key that the program
// does not know.
package config
