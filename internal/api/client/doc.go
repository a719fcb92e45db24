// Package client speaks to a running server's HTTP door, which it finds through
// the note the server leaves in its data folder. It is what the command line and
// the demo use; programs elsewhere need only the address, the token and
// /openapi.yaml.
package client
