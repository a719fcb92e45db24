package system

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cagri/internal/media/tone"
)

// An agent's phone with TLS signalling and SDES-SRTP: both voices arrive, and what
// lies on the wire between phone and server is not readable.
func TestSecurePhone(t *testing.T) {
	needs(t, "sipp", "baresip")
	t.Parallel()
	h := open(t, plan{TLS: true, SRTP: "require"})
	wire := tapLoopback(t)
	agent := h.phone(set{User: user(0), Hz: agentHz(0), TLS: true, MediaEnc: "srtp-mand"})
	h.ready(0)
	l := newLine(t, carrierIP, 440)
	c := h.sipp(play{Scenario: "call", Line: l})
	id := h.callOf(c.id).ID
	h.comes(id, "call.bridged", 1)
	l.hears(agentHz(0))
	agent.hears(440)
	time.Sleep(500 * time.Millisecond) // something to tap and to record
	c.cue()
	c.ends()
	d := h.ended(id)
	trace := agent.trace()
	if !strings.Contains(trace, "TLS ") || !strings.Contains(trace, "a=crypto:") || !strings.Contains(trace, "RTP/SAVP") {
		t.Error("the phone's trace shows no TLS, or no SDES in it")
	}
	for _, q := range steps(d, "leg.quality") {
		if srtp := q["srtp"] == true; srtp != strings.HasPrefix(q["leg"].(string), "agent:") {
			t.Errorf("leg %v: srtp %v", q["leg"], q["srtp"])
		}
	}
	h.atRest(0)
	h.heardBoth(id, 440, agentHz(0))
	h.proven()
	if wire == nil {
		t.Log("NOT TESTED: whether the packets on the wire are encrypted; tapping the loopback needs CAP_NET_RAW")
		return
	}
	port := 0
	if m := regexp.MustCompile(`m=audio (\d+) RTP/SAVP`).FindAllStringSubmatch(trace, -1); m != nil {
		port, _ = strconv.Atoi(m[0][1]) // of the server's offer
	}
	seen, readable, tagged := 0, 0, 0
	for _, p := range wire.packets(port) {
		if len(p) < 12+160 || p[0]>>6 != 2 || p[1]&0x7f != 8 {
			continue
		}
		seen++
		if tag := len(p) - 12 - 160; tag == 4 || tag == 10 || tag == 16 { // HMAC-SHA1 of 32 or 80 bits, or GCM
			tagged++
		}
		sound := p[12 : 12+160]
		if tone.Power(sound, 440) > 0.5 || tone.Power(sound, agentHz(0)) > 0.5 {
			readable++
		}
	}
	if seen < 50 || readable > 0 || tagged != seen {
		t.Errorf("of %d sound packets at the server's port %d, %d bear an authentication tag and %d are readable", seen, port, tagged, readable)
	}
	// The tap itself is proved by the citizen's side, which is not encrypted.
	open := 0
	for _, p := range wire.packets(l.port()) {
		if len(p) == 12+160 && tone.Power(p[12:], 440) > 0.5 {
			open++
		}
	}
	if open < 50 {
		t.Errorf("the tap saw only %d of the citizen's packets", open)
	}
}

// tap is a copy of the UDP datagrams on the loopback interface.
type tap struct {
	fd   int
	wg   sync.WaitGroup
	mu   sync.Mutex // guards got
	got  []datagram
	stop chan struct{}
}

type datagram struct {
	from, to int // ports
	data     []byte
}

// tapLoopback needs CAP_NET_RAW; nil without it.
func tapLoopback(t *testing.T) *tap {
	t.Helper()
	const ip4 = 0x0800
	swapped := int(ip4>>8 | ip4&0xff<<8)
	fd, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, swapped)
	if err != nil {
		return nil
	}
	lo, err := net.InterfaceByName("lo")
	if err == nil {
		err = syscall.Bind(fd, &syscall.SockaddrLinklayer{Protocol: uint16(swapped), Ifindex: lo.Index})
	}
	if err == nil {
		err = syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &syscall.Timeval{Usec: 100_000})
	}
	if err != nil {
		_ = syscall.Close(fd)
		t.Fatal(err)
	}
	_ = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4<<20)
	w := &tap{fd: fd, stop: make(chan struct{})}
	w.wg.Add(1)
	go w.read()
	t.Cleanup(func() {
		close(w.stop)
		w.wg.Wait()
		_ = syscall.Close(fd)
	})
	return w
}

func (w *tap) read() {
	defer w.wg.Done()
	buf := make([]byte, 1<<16)
	for {
		select {
		case <-w.stop:
			return
		default:
		}
		n, from, err := syscall.Recvfrom(w.fd, buf, 0)
		if err != nil {
			continue // the timeout, so that stop is seen
		}
		// Each packet passes the loopback twice, going out and coming in.
		if l, ok := from.(*syscall.SockaddrLinklayer); ok && l.Pkttype == syscall.PACKET_OUTGOING {
			continue
		}
		head := int(buf[0]&0xf) * 4
		if n < head+8 || buf[0]>>4 != 4 || buf[9] != syscall.IPPROTO_UDP {
			continue
		}
		u := buf[head:n]
		w.mu.Lock()
		w.got = append(w.got, datagram{int(binary.BigEndian.Uint16(u)), int(binary.BigEndian.Uint16(u[2:])), append([]byte(nil), u[8:]...)})
		w.mu.Unlock()
	}
}

// packets are the datagrams to and from a port.
func (w *tap) packets(port int) (out [][]byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range w.got {
		if d.from == port || d.to == port {
			out = append(out, d.data)
		}
	}
	return out
}

// selfSigned makes a certificate for 127.0.0.1 and gives the names of its PEM files.
func selfSigned(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	priv, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	of := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "127.0.0.1"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, IsCA: true, IPAddresses: []net.IP{net.ParseIP(serverIP)}, DNSNames: []string{"localhost"},
	}
	der, err := x509.CreateCertificate(rand.Reader, of, of, &priv.PublicKey, priv)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(priv)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		var b bytes.Buffer
		if err := pem.Encode(&b, block); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}
