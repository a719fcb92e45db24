package app

import (
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"cagri/internal/api/client"
	"cagri/internal/config"
	"cagri/internal/ivr"
	"cagri/internal/media"
	"cagri/internal/media/sdp"
	"cagri/internal/prompt"
	"cagri/internal/sip"
	"cagri/internal/sip/digest"
	"cagri/internal/sip/registrar"
	"cagri/internal/sip/trunk"
)

// loadFlows reads every flow of the folder; "default" is built in unless a file
// replaces it. All problems of all files are reported at once.
func loadFlows(dir string, limits ivr.Limits) (map[string]*ivr.Flow, error) {
	flows := map[string]*ivr.Flow{"default": ivr.Default()}
	if dir == "" {
		return flows, nil
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return nil, fmt.Errorf("flows.dir: %w", err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("flows.dir: no .yaml file in %s", dir)
	}
	var errs []error
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		flow, err := ivr.Load(f, text, limits)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		flows[strings.TrimSuffix(filepath.Base(f), ".yaml")] = flow
	}
	return flows, errors.Join(errs...)
}

// loadPrompts is the embedded voice with the operator's own recordings over it.
func loadPrompts(dir string) (*prompt.Library, error) {
	lib, err := prompt.Embedded()
	if err != nil {
		return nil, err
	}
	if dir != "" {
		if err := lib.Override(os.DirFS(dir)); err != nil {
			return nil, fmt.Errorf("prompts.dir: %w", err)
		}
	}
	return lib, nil
}

// mediaConfig resolves the address for sound: the configured one, else loopback
// when SIP is on loopback only, else the address of the default route.
func mediaConfig(cfg *config.Config) (media.Config, error) {
	ip, err := cfg.Media.MediaIP()
	if err != nil {
		return media.Config{}, err
	}
	if !ip.IsValid() {
		if ip, err = usualIP(cfg.SIP.Listen); err != nil {
			return media.Config{}, err
		}
	}
	adv := ip
	if cfg.Media.Advertise != "" {
		if adv, err = netip.ParseAddr(cfg.Media.Advertise); err != nil {
			return media.Config{}, err
		}
	}
	return media.Config{
		BindIP: ip, AdvertiseIP: adv, PortMin: cfg.Media.PortMin, PortMax: cfg.Media.PortMax, Silence: cfg.Media.Silence,
	}, nil
}

func usualIP(listen []string) (netip.Addr, error) {
	for _, l := range listen {
		_, addr, _ := strings.Cut(l, ":")
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			continue
		}
		if ip, err := netip.ParseAddr(host); err == nil && !ip.IsUnspecified() {
			return ip, nil
		}
	}
	// No packet is sent by this: it only asks the kernel which address it would use.
	c, err := net.Dial("udp4", "192.0.2.1:9")
	if err != nil {
		return netip.Addr{}, fmt.Errorf("media.ip: this machine has no default route to guess it from; set it: %w", err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Addr(), nil
}

// sipConfig turns the configuration into the user agent's.
func sipConfig(cfg *config.Config) (sip.Config, error) {
	out := sip.Config{
		AdvertiseHost: cfg.SIP.Advertise, Realm: cfg.SIP.Realm, UserAgent: "Cagri",
		SessionExpires: cfg.SIP.SessionExpires, MinSE: cfg.SIP.MinSE, T1: cfg.SIP.T1,
	}
	for _, l := range cfg.SIP.Listen {
		network, addr, _ := strings.Cut(l, ":")
		out.Listen = append(out.Listen, sip.Listen{Network: network, Addr: addr})
	}
	if cfg.SIP.TLSCert != "" {
		pair, err := tls.LoadX509KeyPair(cfg.SIP.TLSCert, cfg.SIP.TLSKey)
		if err != nil {
			return out, fmt.Errorf("sip.tls_cert, sip.tls_key: %w", err)
		}
		out.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	for _, d := range cfg.SIP.Digest {
		out.Digest = append(out.Digest, digest.Algorithm(d))
	}
	for _, n := range cfg.SIP.PhoneNetworks {
		p, err := netip.ParsePrefix(n)
		if err != nil {
			return out, fmt.Errorf("sip.phone_networks: %w", err)
		}
		out.Limits.Phones = append(out.Limits.Phones, p)
	}
	accounts := make(map[string]registrar.Account, len(cfg.Phones))
	for _, p := range cfg.Phones {
		accounts[p.User] = account(p)
	}
	out.Accounts = func(user string) (registrar.Account, bool) { a, ok := accounts[user]; return a, ok }
	for _, t := range cfg.Trunks {
		c := trunk.Config{
			Name: t.Name, Sources: t.From, Targets: t.To, MaxCalls: t.MaxCalls,
			TrustIdentity: t.TrustIdentity, SendIdentity: t.TrustIdentity,
			Health: trunk.Health{Off: t.Health == 0, Interval: t.Health},
		}
		if t.User != "" {
			c.Registration = &trunk.Registration{User: t.User, Password: t.Password}
		}
		out.Trunks = append(out.Trunks, c)
	}
	return out, nil
}

func srtpPolicy(s string) sdp.SRTPPolicy {
	switch s {
	case "require":
		return sdp.SRTPRequire
	case "offer":
		return sdp.SRTPOffer
	}
	return sdp.SRTPOff
}

// token reads the API token of the data folder, or makes one.
func token(cfg *config.Config) (string, string, error) {
	file := filepath.Join(cfg.Data, client.TokenFile)
	if cfg.HTTP.Token != "" {
		return cfg.HTTP.Token, file, os.WriteFile(file, []byte(cfg.HTTP.Token+"\n"), 0o600)
	}
	if b, err := os.ReadFile(file); err == nil && len(strings.TrimSpace(string(b))) >= 32 {
		return strings.TrimSpace(string(b)), file, nil
	}
	b := make([]byte, 32)
	if _, err := rand.Read(b); err != nil {
		return "", "", err
	}
	t := hex.EncodeToString(b)
	return t, file, os.WriteFile(file, []byte(t+"\n"), 0o600)
}

// recordDir is where recordings go; empty when recording is off.
func recordDir(cfg *config.Config) string {
	switch {
	case cfg.Record.Off:
		return ""
	case cfg.Record.Dir != "":
		return cfg.Record.Dir
	}
	return filepath.Join(cfg.Data, "recordings")
}

// account is a phone as the registrar knows it.
func account(p config.Phone) registrar.Account {
	return registrar.Account{User: p.User, Secret: digest.Secret{Password: p.Password, HA1SHA256: p.HA1}}
}

// trunksOut are the trunks that calls can leave by.
func trunksOut(cfg *config.Config) (names []string) {
	for _, t := range cfg.Trunks {
		if len(t.To) > 0 {
			names = append(names, t.Name)
		}
	}
	return names
}
