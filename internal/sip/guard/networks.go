package guard

import (
	"net/netip"
	"slices"
)

// kind is what a source is to us.
type kind uint8

const (
	stranger kind = iota
	phone
	trunk
)

// networks finds the longest prefix that holds an address. Few different prefix lengths occur, so one map look-up for each
// length is quicker and simpler than a tree. It is never changed once made.
type networks struct {
	kinds  map[netip.Prefix]kind
	v4, v6 []int // prefix lengths in use, longest first
}

func newNetworks(trunks, phones []netip.Prefix) *networks {
	n := &networks{kinds: make(map[netip.Prefix]kind, len(trunks)+len(phones))}
	for _, p := range phones {
		n.add(p, phone)
	}
	for _, p := range trunks { // after the phones: a network named as both is a carrier's
		n.add(p, trunk)
	}
	for _, l := range []*[]int{&n.v4, &n.v6} {
		slices.Sort(*l)
		slices.Reverse(*l)
		*l = slices.Compact(*l)
	}
	return n
}

func (n *networks) add(p netip.Prefix, k kind) {
	if a := p.Addr(); a.Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
	}
	p = p.Masked()
	if !p.IsValid() {
		return
	}
	n.kinds[p] = k
	if p.Addr().Is4() {
		n.v4 = append(n.v4, p.Bits())
	} else {
		n.v6 = append(n.v6, p.Bits())
	}
}

func (n *networks) kindOf(a netip.Addr) kind {
	a = a.Unmap().WithZone("")
	lengths := n.v6
	if a.Is4() {
		lengths = n.v4
	}
	for _, l := range lengths {
		if p, err := a.Prefix(l); err == nil {
			if k, ok := n.kinds[p]; ok {
				return k
			}
		}
	}
	return stranger
}
