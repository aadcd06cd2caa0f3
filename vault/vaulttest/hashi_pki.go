package vaulttest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// hashiIssuer is a root that issues.
type hashiIssuer struct {
	key   *ecdsa.PrivateKey
	root  *x509.Certificate
	text  string
	roles map[string]hashiPKI
}

type hashiPKI struct {
	max    time.Duration
	leased bool
}

const (
	adviceAIA = "This mount hasn't configured any authority information access (AIA) fields; this may make it harder for systems to find " +
		"missing certificates in the chain or to validate revocation status of certificates. Consider updating /config/urls or the newly " +
		"generated issuer with this information."
	adviceLease = "it is encouraged to disable generate_lease and rely on PKI's native capabilities when possible; this option can cause " +
		"Vault-wide issues with large numbers of issued certificates"
)

// authority makes the root, where there is none.
func (h *Hashi) authority(name string, life time.Duration) {
	if h.issuer != nil {
		return
	}
	i := &hashiIssuer{roles: map[string]hashiPKI{}}
	i.key, _ = ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: name}, NotBefore: h.now().Add(-30 * time.Second), NotAfter: h.now().Add(life),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, _ := x509.CreateCertificate(crand.Reader, template, template, i.key.Public(), i.key) // of what stands here
	i.root, _ = x509.ParseCertificate(der)
	i.text = certificateText(der)
	h.issuer = i
}

func serial() *big.Int {
	n, _ := crand.Int(crand.Reader, new(big.Int).Lsh(big.NewInt(1), 158))
	return n
}

func certificateText(der []byte) string {
	return strings.TrimSpace(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
}

func colons(b []byte) string {
	return strings.ReplaceAll(strings.TrimSpace(fmt.Sprintf("% x", b)), " ", ":")
}

// pki is what stands below a PKI mount.
func (h *Hashi) pki(c hashiCall, mount, rest string) hashiReply {
	what, name, _ := strings.Cut(rest, "/")
	switch {
	case rest == "root/generate/internal":
		h.authority(c.word("common_name"), duration(c.body["ttl"]))
		return hashiReply{mount: "pki", warnings: []string{adviceAIA}, data: map[string]any{
			"certificate": h.issuer.text, "expiration": h.issuer.root.NotAfter.Unix(), "issuer_id": uuid(), "issuer_name": "",
			"issuing_ca": h.issuer.text, "key_id": uuid(), "key_name": "", "serial_number": colons(h.issuer.root.SerialNumber.Bytes()),
		}}
	case what == "roles" && h.issuer != nil && c.method != http.MethodGet:
		leased, _ := c.body["generate_lease"].(bool)
		h.issuer.roles[name] = hashiPKI{duration(c.body["max_ttl"]), leased}
		return pkiRole(c, leased)
	case what == "issue" && h.issuer != nil:
		role, ok := h.issuer.roles[name]
		if !ok {
			return refuse(http.StatusBadRequest, "unknown role: "+name)
		}
		return h.issue(c, mount+"/"+rest, role)
	}
	return refuse(http.StatusNotFound, "unsupported path")
}

// pkiRole is what a role has besides what it was given.
func pkiRole(c hashiCall, leased bool) hashiReply {
	role := map[string]any{}
	_ = json.Unmarshal([]byte(`{"allow_any_name": false, "allow_bare_domains": false, "allow_glob_domains": false, "allow_ip_sans": true,
		"allow_localhost": true, "allow_subdomains": false, "allow_token_displayname": false, "allow_wildcard_certificates": true,
		"allowed_domains": [], "allowed_domains_template": false, "allowed_other_sans": [], "allowed_serial_numbers": [],
		"allowed_uri_sans": [], "allowed_uri_sans_template": false, "allowed_user_ids": [], "basic_constraints_valid_for_non_ca": false,
		"client_flag": true, "cn_validations": ["email", "hostname"], "code_signing_flag": false, "country": [],
		"email_protection_flag": false, "enforce_hostnames": true, "ext_key_usage": [], "ext_key_usage_oids": [],
		"generate_lease": false, "issuer_ref": "default", "key_bits": 2048, "key_type": "rsa",
		"key_usage": ["DigitalSignature", "KeyAgreement", "KeyEncipherment"], "locality": [], "max_ttl": 0, "no_store": false,
		"not_after": "", "not_before_duration": 30, "organization": [], "ou": [], "policy_identifiers": [], "postal_code": [],
		"province": [], "require_cn": true, "serial_number_source": "json-csr", "server_flag": true, "signature_bits": 0,
		"street_address": [], "ttl": 0, "use_csr_common_name": true, "use_csr_sans": true, "use_pss": false}`), &role)
	for name, value := range c.body {
		role[name] = value
	}
	role["max_ttl"] = int(duration(c.body["max_ttl"]) / time.Second)
	reply := hashiReply{data: role, mount: "pki"}
	if leased {
		reply.warnings = []string{adviceLease}
	}
	return reply
}

func (h *Hashi) issue(c hashiCall, path string, role hashiPKI) hashiReply {
	now := h.now()
	ttl := duration(c.body["ttl"])
	if ttl == 0 || ttl > role.max {
		ttl = role.max
	}
	key, _ := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: c.word("common_name")}, NotBefore: now.Add(-30 * time.Second), NotAfter: now.Add(ttl),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	names(c, template)
	der, err := x509.CreateCertificate(crand.Reader, template, h.issuer.root, key.Public(), h.issuer.key)
	if err != nil {
		return refuse(http.StatusBadRequest, "error signing certificate")
	}
	private, _ := x509.MarshalECPrivateKey(key) // of P-256
	reply := hashiReply{mount: "pki", data: map[string]any{
		"authority_key_id": colons(h.issuer.root.SubjectKeyId), "ca_chain": []string{h.issuer.text}, "certificate": certificateText(der),
		"expiration": template.NotAfter.Unix(), "issuing_ca": h.issuer.text, "private_key_type": "ec",
		"private_key":   strings.TrimSpace(string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private}))),
		"serial_number": colons(template.SerialNumber.Bytes()),
	}}
	if role.leased {
		left := template.NotAfter.Truncate(time.Second).Sub(now)
		reply.lease, reply.duration = h.lend(c, path, left, 0, false).id, left
	}
	return reply
}

func names(c hashiCall, template *x509.Certificate) {
	if name := c.word("common_name"); name != "" {
		template.DNSNames = append(template.DNSNames, name)
	}
	for name := range strings.SplitSeq(c.word("alt_names"), ",") {
		if name != "" {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	for uri := range strings.SplitSeq(c.word("uri_sans"), ",") {
		if u, err := url.Parse(uri); err == nil && uri != "" {
			template.URIs = append(template.URIs, u)
		}
	}
	for ip := range strings.SplitSeq(c.word("ip_sans"), ",") {
		if parsed := net.ParseIP(ip); parsed != nil {
			template.IPAddresses = append(template.IPAddresses, parsed)
		}
	}
}
