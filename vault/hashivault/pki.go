package hashivault

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault"
)

// Certificate is what is asked of a PKI role: nothing else is.
type Certificate struct {
	CommonName string        // empty: the role must allow that
	DNS        []string      // nil: none but what the role makes of CommonName
	URIs       []string      // such as a SPIFFE id; nil: none
	IPs        []netip.Addr  // nil: none
	TTL        time.Duration // zero: the role's
}

// usable says whether it can be written into one request: the API separates by commas.
func (c Certificate) usable() bool {
	for _, uri := range c.URIs {
		if u, err := url.Parse(uri); err != nil || !u.IsAbs() {
			return false
		}
	}
	for _, ip := range c.IPs {
		if !ip.IsValid() || ip.Zone() != "" {
			return false
		}
	}
	for _, name := range slices.Concat(c.DNS, c.URIs) {
		if name == "" || !printable(name) || strings.Contains(name, ",") {
			return false
		}
	}
	return c.TTL >= 0 && c.TTL%time.Second == 0 && (c.CommonName != "" || len(c.DNS)+len(c.URIs)+len(c.IPs) > 0)
}

func (c Certificate) body() map[string]any {
	body := map[string]any{"format": "pem"}
	if c.CommonName != "" {
		body["common_name"] = c.CommonName
	}
	ips := make([]string, len(c.IPs))
	for i, ip := range c.IPs {
		ips[i] = ip.String()
	}
	for name, values := range map[string][]string{"alt_names": c.DNS, "uri_sans": c.URIs, "ip_sans": ips} {
		if len(values) > 0 {
			body[name] = strings.Join(values, ",")
		}
	}
	if c.TTL > 0 {
		body["ttl"] = int64(c.TTL / time.Second)
	}
	return body
}

// certificate has one made, with a key of its own.
func (v *Vault) certificate(ctx context.Context, r route, path string) (vault.Issued, error) {
	c, ok := v.certificates[path]
	if !ok {
		return vault.Issued{}, auth.ErrUndeclared
	}
	ask := request{method: http.MethodPost, path: r.api(), body: c.body(), refused: r.refused}
	return v.detached(ctx, ask, func(a answer) (vault.Issued, error) {
		e, err := a.envelope()
		if err != nil {
			return vault.Issued{}, err
		}
		return c.read(e)
	})
}

// read takes what was made, if it is what was asked for.
func (c Certificate) read(e envelope) (vault.Issued, error) {
	leaf, key, serial := e.data.get("certificate"), e.data.get("private_key"), e.data.get("serial_number")
	chain, ok := chain(e.data)
	if leaf.kind != text || key.kind != text || serial.kind != text || !ok {
		return vault.Issued{}, auth.ErrInvalid
	}
	pair, err := tls.X509KeyPair(leaf.text, key.text)
	if err != nil { // which may quote
		return vault.Issued{}, auth.ErrInvalid
	}
	// The one that fits the key, which need not be the first block of the text.
	made, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil || !c.covered(made) || !strings.EqualFold(string(serial.text), colons(made.SerialNumber)) || time.Now().Before(made.NotBefore) {
		return vault.Issued{}, auth.ErrInvalid
	}
	ttl := time.Until(made.NotAfter)
	if e.lease != "" && e.duration > 0 {
		ttl = min(ttl, e.duration)
	}
	if ttl <= 0 {
		return vault.Issued{}, auth.ErrExpired
	}
	return vault.Issued{TTL: ttl, Fields: map[string]auth.Secret{
		"certificate": auth.NewSecret(bytes.Clone(leaf.text)), "private_key": auth.NewSecret(bytes.Clone(key.text)),
		"ca_chain": auth.NewSecret(chain), "serial": auth.NewSecret(bytes.Clone(serial.text)),
	}}, nil
}

// colons is how the server writes a serial number.
func colons(serial *big.Int) string {
	return strings.ReplaceAll(fmt.Sprintf("% x", serial.Bytes()), " ", ":")
}

// chain is one text of all above the certificate: ca_chain, or where a root has issued it,
// and some servers send none, issuing_ca.
func chain(data node) ([]byte, bool) {
	above := data.get("ca_chain")
	if above.absent() {
		above = node{kind: list, of: []node{data.get("issuing_ca")}}
	}
	var all [][]byte
	for _, one := range above.of {
		if block, _ := pem.Decode(one.text); block == nil || block.Type != "CERTIFICATE" {
			return nil, false
		}
		all = append(all, bytes.TrimSpace(one.text))
	}
	return append(bytes.Join(all, []byte("\n")), '\n'), above.kind == list && len(all) > 0
}

// covered says whether a certificate names all that was asked for.
func (c Certificate) covered(made *x509.Certificate) bool {
	if c.CommonName != "" && made.Subject.CommonName != c.CommonName {
		return false
	}
	for _, name := range c.DNS {
		if !slices.Contains(made.DNSNames, name) {
			return false
		}
	}
	for _, uri := range c.URIs {
		if !slices.ContainsFunc(made.URIs, func(u *url.URL) bool { return u.String() == uri }) {
			return false
		}
	}
	for _, ip := range c.IPs {
		if !slices.ContainsFunc(made.IPAddresses, net.IP(ip.AsSlice()).Equal) {
			return false
		}
	}
	return true
}
