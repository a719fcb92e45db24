package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/rawbytes"
	"github.com/knadh/koanf/providers/structs"
	"github.com/knadh/koanf/v2"
)

// EnvPrefix begins every variable that sets a value.
const EnvPrefix = "CAGRI_"

// notSettings are CAGRI_… variables that steer tests and builds, not the server.
const notSettings = "CAGRI_TEST_"

// Value is one effective setting and where it came from.
type Value struct {
	Key    string `json:"key"`
	Value  any    `json:"value"`
	Source string `json:"source"` // "default", "file <path>", "variable <NAME>"
}

// Load reads file (may be empty: none) and the variables in environ over the
// defaults. The error lists everything that is wrong.
func Load(file string, environ []string) (*Config, []Value, error) {
	base := koanf.New(".")
	if err := base.Load(structs.Provider(Defaults(), "koanf"), nil); err != nil {
		return nil, nil, fmt.Errorf("config: defaults: %w", err)
	}
	known := map[string]bool{}
	for _, k := range base.Keys() {
		known[k] = true
	}

	fromFile := koanf.New(".")
	if file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, nil, fmt.Errorf("config: %w", err)
		}
		if err := ambiguous(file, text); err != nil {
			return nil, nil, fmt.Errorf("config: %w", err)
		}
		if err := fromFile.Load(rawbytes.Provider(text), yaml.Parser()); err != nil {
			return nil, nil, fmt.Errorf("config: %s is not valid YAML: %w", file, err)
		}
	}
	fromEnv := koanf.New(".")
	variables := map[string]string{}
	err := fromEnv.Load(env.Provider(".", env.Opt{
		Prefix: EnvPrefix,
		EnvironFunc: func() []string {
			return slices.DeleteFunc(slices.Clone(environ), func(e string) bool { return strings.HasPrefix(e, notSettings) })
		},
		TransformFunc: func(name, value string) (string, any) {
			key := keyOf(strings.TrimPrefix(name, EnvPrefix), known)
			variables[key] = name
			if v, ok := base.Get(key).([]string); ok && v != nil {
				return key, strings.Split(value, ",")
			}
			return key, value
		},
	}), nil)
	if err != nil {
		return nil, nil, fmt.Errorf("config: variables: %w", err)
	}

	var errs []error
	for _, k := range fromFile.Keys() {
		if !known[k] {
			errs = append(errs, fmt.Errorf("%s: unknown key %q%s", file, k, nearest(k, known)))
		}
	}
	for _, k := range fromEnv.Keys() {
		if !known[k] {
			errs = append(errs, fmt.Errorf("variable %s: there is no setting of that name", variables[k]))
		}
	}
	if len(errs) > 0 {
		return nil, nil, fmt.Errorf("config: %w", errors.Join(errs...))
	}

	all := base.Copy()
	for _, layer := range []*koanf.Koanf{fromFile, fromEnv} {
		if err := all.Merge(layer); err != nil {
			return nil, nil, fmt.Errorf("config: %w", err)
		}
	}
	var c Config
	err = all.UnmarshalWithConf("", &c, koanf.UnmarshalConf{Tag: "koanf", DecoderConfig: &mapstructure.DecoderConfig{
		Result:           &c,
		TagName:          "koanf",
		ErrorUnused:      true,
		WeaklyTypedInput: true,
		DecodeHook:       mapstructure.ComposeDecodeHookFunc(durationHook),
	}})
	if err != nil {
		return nil, nil, fmt.Errorf("config: %w", err)
	}
	if err := c.check(); err != nil {
		return nil, nil, fmt.Errorf("config: %w", err)
	}

	values := make([]Value, 0, len(known))
	secret := secretKeys(reflect.TypeFor[Config](), "")
	for _, k := range all.Keys() {
		v := Value{Key: k, Value: plain(all.Get(k)), Source: "default"}
		if secret[k] && v.Value != "" {
			v.Value = "(hidden)"
		}
		if fromFile.Exists(k) {
			v.Source = "file " + file
		}
		if fromEnv.Exists(k) {
			v.Source = "variable " + variables[k]
		}
		values = append(values, v)
	}
	sort.Slice(values, func(i, j int) bool { return values[i].Key < values[j].Key })
	return &c, values, nil
}

// durationHook reads "20s" but refuses bare numbers, whose unit nobody knows.
func durationHook(from, to reflect.Type, v any) (any, error) {
	if to != reflect.TypeFor[time.Duration]() {
		return v, nil
	}
	switch x := v.(type) {
	case time.Duration:
		return x, nil
	case string:
		d, err := time.ParseDuration(x)
		if err != nil {
			return nil, fmt.Errorf("%q is no duration: write it with a unit, such as 30s or 2m", x)
		}
		return d, nil
	case int:
		if x == 0 {
			return time.Duration(0), nil
		}
	}
	return nil, fmt.Errorf("%v is no duration: write it with a unit, such as 30s or 2m", v)
}

// keyOf finds the key that a variable's name means: its parts may themselves
// hold underscores (CAGRI_SIP_SESSION_EXPIRES is sip.session_expires).
func keyOf(name string, known map[string]bool) string {
	flat := strings.ToLower(name)
	for k := range known {
		if strings.ReplaceAll(k, ".", "_") == flat {
			return k
		}
	}
	return flat
}

// nearest suggests the known key that shares the last part or the longest head.
func nearest(key string, known map[string]bool) string {
	best, score := "", 2
	for k := range known {
		n := 0
		for n < len(k) && n < len(key) && k[n] == key[n] {
			n++
		}
		if n > score || n == score && k < best {
			best, score = k, n
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", best)
}

func secretKeys(t reflect.Type, prefix string) map[string]bool {
	out := map[string]bool{}
	for i := range t.NumField() {
		f := t.Field(i)
		key := prefix + f.Tag.Get("koanf")
		if f.Type.Kind() == reflect.Struct {
			for k := range secretKeys(f.Type, key+".") {
				out[k] = true
			}
		} else if f.Tag.Get("secret") == "true" {
			out[key] = true
		}
	}
	return out
}

// plain makes a value fit to print: durations as people write them, secrets
// within lists hidden.
func plain(v any) any {
	switch x := v.(type) {
	case time.Duration:
		return x.String()
	case map[string]any:
		out := make(map[string]any, len(x))
		for k, e := range x {
			out[k] = plain(e)
			if lower := strings.ToLower(k); (lower == "password" || lower == "ha1") && e != "" {
				out[k] = "(hidden)"
			}
		}
		return out
	}
	if r := reflect.ValueOf(v); r.Kind() == reflect.Slice {
		out := make([]any, r.Len())
		for i := range out {
			out[i] = plain(r.Index(i).Interface())
		}
		return out
	}
	return v
}

// check refuses values that could not work, before anything is started.
func (c *Config) check() error {
	var errs []error
	bad := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	if c.Data == "" {
		bad("data: needs a folder")
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.Log) {
		bad("log: %q is none of debug, info, warn, error", c.Log)
	}
	if len(c.SIP.Listen) == 0 {
		bad("sip.listen: nowhere to listen; give at least udp:127.0.0.1:5060")
	}
	for _, l := range c.SIP.Listen {
		network, addr, ok := strings.Cut(l, ":")
		if !ok || !slices.Contains([]string{"udp", "tcp", "tls"}, network) {
			bad("sip.listen: %q must be udp:host:port, tcp:host:port or tls:host:port", l)
			continue
		}
		if _, _, err := net.SplitHostPort(addr); err != nil {
			bad("sip.listen: %q: %v", l, err)
		}
		if network == "tls" && (c.SIP.TLSCert == "" || c.SIP.TLSKey == "") {
			bad("sip.listen: %q needs sip.tls_cert and sip.tls_key", l)
		}
	}
	if len(c.SIP.Digest) == 0 {
		bad("sip.digest: needs SHA-256, MD5 or both")
	}
	for _, d := range c.SIP.Digest {
		if d != "SHA-256" && d != "MD5" {
			bad("sip.digest: %q is neither SHA-256 nor MD5", d)
		}
	}
	for _, n := range c.SIP.PhoneNetworks {
		if _, err := netip.ParsePrefix(n); err != nil {
			bad("sip.phone_networks: %q is no network such as 10.1.0.0/16", n)
		}
	}
	for _, ip := range []struct{ key, v string }{{"media.ip", c.Media.IP}, {"media.advertise", c.Media.Advertise}} {
		if ip.v != "" {
			if _, err := netip.ParseAddr(ip.v); err != nil {
				bad("%s: %q is no IP address", ip.key, ip.v)
			}
		}
	}
	if c.Media.PortMin < 1024 || int(c.Media.PortMax)-int(c.Media.PortMin) < 3 {
		bad("media.port_min, media.port_max: %d-%d must start at 1024 or above and hold at least 4 ports", c.Media.PortMin, c.Media.PortMax)
	}
	if !slices.Contains([]string{"off", "offer", "require"}, c.Media.SRTP) {
		bad("media.srtp: %q is none of off, offer, require", c.Media.SRTP)
	}
	if c.Media.Silence < time.Second {
		bad("media.silence: %v is too short, 20s is usual", c.Media.Silence)
	}
	if !slices.Contains([]string{"sqlite", "postgres"}, c.Store.Driver) {
		bad("store.driver: %q is neither sqlite nor postgres", c.Store.Driver)
	}
	if c.Store.Driver == "postgres" && c.Store.DSN == "" {
		bad("store.dsn: postgres needs a connection string")
	}
	if c.Limits.Calls < 0 {
		bad("limits.calls: %d is negative", c.Limits.Calls)
	}
	if c.SIP.MinSE < 90*time.Second {
		bad("sip.min_se: %v is below the 90s of RFC 4028", c.SIP.MinSE)
	}
	if c.SIP.SessionExpires < c.SIP.MinSE {
		bad("sip.session_expires: %v is below sip.min_se %v", c.SIP.SessionExpires, c.SIP.MinSE)
	}
	return errors.Join(errs...)
}
