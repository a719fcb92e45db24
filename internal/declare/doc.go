// Package declare is configuration as code for the directory: YAML documents are read
// strictly, held against the book of records, shown as a difference, and applied as new
// versions; the book is written back as documents that apply to no change.
//
// A document names a record (kind, id), says what it is (spec) and since when (from).
// What the documents do not name is left alone unless pruning is asked for, and even
// then it is ended, never deleted. Every problem carries file, line and column.
//
// It keeps no state but the hooks of a Register, and touches no disk, database or
// clock itself: files come as bytes, the book through a Keeper, the time as a function.
// The plain password of a phone ends here: only its hashes go on.
//
// The invariant: applying the same documents twice changes nothing the second time.
package declare
