// Package verify proves from the journal that the centre kept its promises.
package verify
