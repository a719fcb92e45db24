// Package g711 converts single samples between linear PCM and the two laws of
// ITU-T G.711 (11/88): A-law, which the Azerbaijani network speaks, and µ-law.
//
// It never touches packets or streams: one byte in, one sample out. The
// invariant: every table is computed from the definition when the program
// starts, is never changed afterwards, and is bit-exact with the
// recommendation, so audio that passes the platform untouched stays untouched.
package g711
