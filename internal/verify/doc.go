// Package verify proves from the journal that the centre kept its promises: no call
// lost or cut in silence, no recording before the notice, callers served in order,
// the router's decisions those its rules give, the database what the journal says,
// the recordings what was hashed.
//
// It changes nothing and trusts as little as it can: the order of service is
// checked by a model of its own and not by the router's code, the database against
// one built anew. The invariant: a server may run and write meanwhile, and nothing
// that is right is ever called wrong; memory grows with the calls that are open at
// once, not with the journal.
package verify
