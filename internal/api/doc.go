// Package api is the HTTP door: JSON for programs, described by OpenAPI 3.1 at
// /openapi.yaml.
//
// It decides nothing about calls; it asks the exchange and the store, and turns
// their errors into answers once. The invariant: nothing but /healthz is answered
// without the token, and no answer holds more than was asked for.
package api
