package trunk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
)

// Resolver is what is needed of the DNS; *net.Resolver is one. NAPTR (RFC 3263 section 4.1) is not asked for: the configuration
// names the transport where SRV records of several exist and UDP is not wanted.
type Resolver interface {
	LookupSRV(ctx context.Context, service, proto, name string) (cname string, records []*net.SRV, err error)
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// host is one machine of a line: its addresses, and where its SRV record puts it.
type host struct {
	priority, weight uint16
	targets          []Target
}

// services are the SRV names by transport, in the order in which they are tried when the configuration leaves the transport open.
// UDP first: it is what RFC 3263 section 4.1 falls back to, and what every carrier speaks.
var services = [...]struct{ transport, service, proto string }{
	{"udp", "sip", "udp"}, {"tcp", "sip", "tcp"}, {"tls", "sips", "tcp"},
}

// errNoService is an SRV record with target ".": the domain says that it does not offer the service (RFC 2782).
var errNoService = errors.New("the domain says by SRV that it has no such service")

// resolve finds the machines behind one line (RFC 3263 section 4.2): a literal is itself; a name with port is looked up by address
// only; a name without port by SRV first.
func resolve(ctx context.Context, r Resolver, trunk string, l line) ([]host, error) {
	base := Target{Trunk: trunk, Host: l.host, Port: l.port, Transport: l.transport}
	if l.addr.IsValid() {
		port := l.port
		if port == 0 {
			port = defaultPort(l.transport)
		}
		base.Addr = netip.AddrPortFrom(l.addr, port)
		return []host{{targets: []Target{base}}}, nil
	}
	if l.port == 0 {
		hosts, err := resolveSRV(ctx, r, base, l)
		if len(hosts) > 0 || err != nil {
			return hosts, err
		}
	}
	base.Transport = cmp.Or(l.transport, "udp")
	targets, err := resolveAddr(ctx, r, base, l.host, cmp.Or(l.port, defaultPort(base.Transport)))
	if err != nil {
		return nil, err
	}
	return []host{{targets: targets}}, nil
}

// resolveSRV returns no hosts and no error when there are no records, which means: go on with addresses.
func resolveSRV(ctx context.Context, r Resolver, base Target, l line) ([]host, error) {
	var last error
	for _, s := range services {
		if l.transport != "" && l.transport != s.transport {
			continue
		}
		_, records, err := r.LookupSRV(ctx, s.service, s.proto, l.host)
		if len(records) == 0 {
			if dns := (*net.DNSError)(nil); err != nil && (!errors.As(err, &dns) || !dns.IsNotFound) {
				last = fmt.Errorf("SRV _%s._%s.%s: %w", s.service, s.proto, l.host, err)
			}
			continue
		}
		if len(records) == 1 && (records[0].Target == "." || records[0].Target == "") {
			last = fmt.Errorf("SRV _%s._%s.%s: %w", s.service, s.proto, l.host, errNoService)
			continue
		}
		var hosts []host
		for _, rec := range records {
			t := base
			t.Transport = s.transport
			targets, err := resolveAddr(ctx, r, t, rec.Target, rec.Port)
			if err != nil {
				last = err
				continue
			}
			hosts = append(hosts, host{rec.Priority, rec.Weight, targets})
		}
		if len(hosts) > 0 {
			slices.SortStableFunc(hosts, func(a, b host) int { return cmp.Compare(a.priority, b.priority) })
			return hosts, nil
		}
	}
	return nil, last
}

func resolveAddr(ctx context.Context, r Resolver, t Target, name string, port uint16) ([]Target, error) {
	addrs, err := r.LookupNetIP(ctx, "ip", name)
	if err != nil {
		return nil, fmt.Errorf("address of %s: %w", name, err)
	}
	var out []Target
	for _, a := range addrs {
		a = a.Unmap().WithZone("")
		if a.IsUnspecified() || a.IsMulticast() || port == 0 {
			continue
		}
		t.Addr = netip.AddrPortFrom(a, port)
		out = append(out, t)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("address of %s: none that can be sent to", name)
	}
	return out, nil
}

// order puts hosts into the order in which one call tries them (RFC 2782): priorities upwards; within a priority by drawing lots
// in proportion to the weights, those without weight last unless they are drawn. random returns [0,1).
func order(hosts []host, random func() float64) []Target {
	var out []Target
	for start := 0; start < len(hosts); {
		end := start + 1
		for end < len(hosts) && hosts[end].priority == hosts[start].priority {
			end++
		}
		group := slices.Clone(hosts[start:end])
		slices.SortStableFunc(group, func(a, b host) int { // weightless ones in front of the running sum, as the RFC says
			return cmp.Compare(min(a.weight, 1), min(b.weight, 1))
		})
		for len(group) > 0 {
			i := draw(group, random())
			out = append(out, group[i].targets...)
			group = slices.Delete(group, i, i+1)
		}
		start = end
	}
	return out
}

// draw is the selection of RFC 2782: a number from 0 to the sum of weights, the first record whose running sum reaches it.
func draw(group []host, lot float64) int {
	sum := 0
	for _, h := range group {
		sum += int(h.weight)
	}
	n := int(lot * float64(sum+1))
	for i, h := range group {
		if n -= int(h.weight); n <= 0 {
			return i
		}
	}
	return len(group) - 1
}
