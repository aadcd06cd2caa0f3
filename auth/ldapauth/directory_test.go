package ldapauth_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"maps"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth"
	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

const (
	service  = "cn=carnet,ou=services,dc=example"
	password = "cAnArY-p4ssword-77120391"
)

// authority signs the certificates of a test's directories.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newAuthority(t testing.TB) authority {
	t.Helper()
	a := authority{key: newKey(t)}
	a.cert = a.issue(t, &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, a.key)
	return a
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (a authority) issue(t testing.TB, what *x509.Certificate, key *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	what.SerialNumber, what.Subject = big.NewInt(time.Now().UnixNano()), pkix.Name{CommonName: "a test"}
	what.NotBefore, what.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(48*time.Hour)
	parent := a.cert
	if parent == nil {
		parent = what
	}
	der, err := x509.CreateCertificate(rand.Reader, what, parent, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// server is the configuration of a directory that is called so.
func (a authority) server(t testing.TB, host string) *tls.Config {
	t.Helper()
	key := newKey(t)
	what := &x509.Certificate{KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	if ip := net.ParseIP(host); ip != nil {
		what.IPAddresses = []net.IP{ip}
	} else {
		what.DNSNames = []string{host}
	}
	cert := a.issue(t, what, key)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key}}}
}

// client trusts the authority, for a host.
func (a authority) client(host string) *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return &tls.Config{RootCAs: pool, ServerName: host}
}

// directory is a small LDAP server. Its hooks are called with the message before it
// answers by itself; one that returns true has dealt with it.
type directory struct {
	ca       authority
	tls      *tls.Config
	startTLS bool
	hook     hook
	entries  []entry

	mu       sync.Mutex
	password string
	dials    int
	seen     []string         // what was asked, and as whom
	conns    map[*served]bool // whether it was dropped
	ended    sync.Cond        // one of them
	wg       sync.WaitGroup
}

// entry is what a search finds.
type entry struct {
	dn         string
	attributes []ldap.Attribute
}

// served is one connection, and whoever is bound on it.
type served struct {
	net.Conn
	d     *directory
	raw   net.Conn
	under bool // TLS
	bound string
	binds int
}

func newDirectory(t testing.TB) *directory {
	t.Helper()
	d := &directory{ca: newAuthority(t), password: password, conns: map[*served]bool{}}
	d.ended.L = &d.mu
	d.tls = d.ca.server(t, "127.0.0.1")
	t.Cleanup(d.close)
	return d
}

func (d *directory) close() {
	d.drop()
	d.wg.Wait()
}

// drop ends all connections.
func (d *directory) drop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for c := range d.conns {
		_ = c.raw.Close()
		d.conns[c] = true
	}
}

// heard waits until all that was asked on dropped connections is noted.
func (d *directory) heard() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for slices.Contains(slices.Collect(maps.Values(d.conns)), true) {
		d.ended.Wait()
	}
}

// settle waits until the other side has noticed that its connections have ended.
func (d *directory) settle() { time.Sleep(200 * time.Millisecond) }

// listen serves on a port of its own, as real ones do.
func (d *directory) listen(t testing.TB) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			d.wg.Go(func() { d.serve(c) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); d.close() })
	return l.Addr().String()
}

// dial connects over a port.
func (d *directory) dial(t testing.TB) func(context.Context) (net.Conn, error) {
	address := d.listen(t)
	return func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	}
}

// pipe connects without a port, for tests of time.
func (d *directory) pipe(context.Context) (net.Conn, error) {
	here, there := net.Pipe()
	d.wg.Go(func() { d.serve(there) })
	return here, nil
}

func (d *directory) serve(raw net.Conn) {
	defer raw.Close()
	c := &served{Conn: raw, d: d, raw: raw}
	d.mu.Lock()
	d.dials++
	d.conns[c] = false
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		delete(d.conns, c)
		d.ended.Broadcast()
		d.mu.Unlock()
	}()
	if !d.startTLS && !c.secure() {
		return
	}
	for {
		message, err := ber.ReadPacket(c.Conn)
		if err != nil || len(message.Children) < 2 {
			return
		}
		id, op := message.Children[0].Value.(int64), message.Children[1]
		if hook := d.hooked(); hook != nil && hook(c, id, op) {
			continue
		}
		if !c.answer(id, op) {
			return
		}
	}
}

type hook = func(c *served, id int64, op *ber.Packet) bool

func (d *directory) hooked() hook {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.hook
}

func (d *directory) hookIs(h hook) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hook = h
}

func (c *served) secure() bool {
	under := tls.Server(c.raw, c.d.tls)
	if under.Handshake() != nil {
		return false
	}
	c.Conn, c.under = under, true
	return true
}

func (c *served) answer(id int64, op *ber.Packet) bool {
	switch op.Tag {
	case ldap.ApplicationUnbindRequest:
		c.d.note("unbind", c.bound)
		return false
	case ldap.ApplicationExtendedRequest:
		c.d.note("starttls", c.bound)
		c.result(id, ldap.ApplicationExtendedResponse, 0)
		return c.secure()
	case ldap.ApplicationBindRequest:
		c.bind(id, op)
	case ldap.ApplicationSearchRequest:
		c.d.note("search "+op.Children[0].Data.String()+" "+filterOf(op), c.bound)
		for _, e := range c.d.entries {
			c.entry(id, e)
		}
		c.result(id, ldap.ApplicationSearchResultDone, 0)
	case ldap.ApplicationAddRequest:
		c.d.note("add "+op.Children[0].Data.String()+" "+attributesOf(op.Children[1].Children), c.bound)
		c.result(id, ldap.ApplicationAddResponse, 0)
	case ldap.ApplicationModifyRequest:
		var changed []*ber.Packet
		for _, change := range op.Children[1].Children {
			if change.Children[0].Value != int64(ldap.ReplaceAttribute) {
				c.d.note("another change than replace", c.bound)
			}
			changed = append(changed, change.Children[1])
		}
		c.d.note("modify "+op.Children[0].Data.String()+" "+attributesOf(changed), c.bound)
		c.result(id, ldap.ApplicationModifyResponse, 0)
	case ldap.ApplicationDelRequest:
		c.d.note("delete "+op.Data.String(), c.bound)
		c.result(id, ldap.ApplicationDelResponse, 0)
	}
	return true
}

func (c *served) bind(id int64, op *ber.Packet) {
	name, given := op.Children[1].Data.String(), op.Children[2].Data.String()
	c.binds++
	if !c.under {
		c.d.note("bind in the clear", name)
	}
	if c.binds > 1 {
		c.d.note("bound again", name)
	}
	c.d.mu.Lock()
	right := given == c.d.password
	c.d.mu.Unlock()
	if !right {
		c.d.note("refused", name)
		c.result(id, ldap.ApplicationBindResponse, ldap.LDAPResultInvalidCredentials)
		return
	}
	c.bound = name
	c.d.note("bind", name)
	c.result(id, ldap.ApplicationBindResponse, 0)
}

func (d *directory) note(what, who string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen = append(d.seen, what+" as "+who)
}

// asked is what was asked, of which each has the prefix.
func (d *directory) asked(prefix string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(d.seen), func(s string) bool { return !strings.HasPrefix(s, prefix) })
}

func (d *directory) dialled() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.dials
}

func (d *directory) passwordIs(p string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.password = p
}

func attributesOf(all []*ber.Packet) string {
	var out []string
	for _, a := range all {
		var values []string
		for _, v := range a.Children[1].Children {
			values = append(values, v.Data.String())
		}
		out = append(out, a.Children[0].Data.String()+"="+strings.Join(values, "|"))
	}
	return strings.Join(out, " ")
}

func filterOf(op *ber.Packet) string {
	filter, err := ldap.DecompileFilter(op.Children[6])
	if err != nil {
		return "?"
	}
	return filter
}

// result sends an LDAPResult (RFC 4511, section 4.1.9), with text that nobody may see.
func (c *served) result(id int64, tag ber.Tag, code uint16) {
	op := ber.Encode(ber.ClassApplication, ber.TypeConstructed, tag, nil, "")
	op.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, int64(code), ""))
	op.AppendChild(octets("dc=leaked-dn"))
	op.AppendChild(octets("leaked-text"))
	c.send(id, op)
}

func (c *served) entry(id int64, e entry) {
	op := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultEntry, nil, "")
	op.AppendChild(octets(e.dn))
	list := ber.NewSequence("")
	for _, a := range e.attributes {
		one, set := ber.NewSequence(""), ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "")
		for _, v := range a.Vals {
			set.AppendChild(octets(v))
		}
		one.AppendChild(octets(a.Type))
		one.AppendChild(set)
		list.AppendChild(one)
	}
	op.AppendChild(list)
	c.send(id, op)
}

func (c *served) reference(id int64, to string) {
	op := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultReference, nil, "")
	op.AppendChild(octets(to))
	c.send(id, op)
}

func (c *served) send(id int64, op *ber.Packet) {
	message := ber.NewSequence("")
	message.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, ""))
	message.AppendChild(op)
	_, _ = c.Write(message.Bytes())
}

func octets(s string) *ber.Packet {
	return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, s, "")
}

// answering is a hook that answers one kind of request with a result.
func answering(request, response ber.Tag, code uint16) hook {
	return func(c *served, id int64, op *ber.Packet) bool {
		if op.Tag == request {
			c.d.note("answered", c.bound)
			c.result(id, response, code)
		}
		return op.Tag == request
	}
}

// source is a Source whose lease a test can look at.
type source struct {
	mu      sync.Mutex
	fields  map[string]string
	expires time.Time
	leases  []*auth.Lease
	closed  int
	refused int
}

func serviceLogin() *source {
	return &source{fields: map[string]string{"name": service, "password": password}}
}

func (s *source) Lease(_ context.Context, g auth.Grant) (*auth.Lease, error) {
	if err := g.Live(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fields := map[string]auth.Secret{}
	for name, value := range s.fields {
		fields[name] = auth.NewSecret([]byte(value))
	}
	lease := auth.NewLease("l-1", fields, &auth.LeaseOptions{Expires: s.expires, Release: func(context.Context) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.closed++
		return nil
	}, Refuse: func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.refused++
	}})
	s.leases = append(s.leases, lease)
	return lease, nil
}

func (s *source) givenBack() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

func (s *source) set(field, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fields[field] = value
}
