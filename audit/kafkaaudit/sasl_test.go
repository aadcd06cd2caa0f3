package kafkaaudit_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/carnet-go/carnet/audit/kafkaaudit"
)

const password = "pw-" + canary

// guarded knows one user, who may write to the topic and nothing else.
func guarded(t testing.TB, operations ...kmsg.ACLOperation) (*kfake.Cluster, *kafkaaudit.Options) {
	t.Helper()
	far := httptest.NewTLSServer(nil)
	defer far.Close()
	roots := x509.NewCertPool()
	roots.AddCert(far.Certificate())
	var acls []kfake.ACL
	for _, o := range operations {
		acls = append(acls, kfake.ACL{Resource: kmsg.ACLResourceTypeTopic, Name: topic, Pattern: kmsg.ACLResourcePatternTypeLiteral, Operation: o, Allow: true})
	}
	c := cluster(t, kfake.TLS(&tls.Config{Certificates: far.TLS.Certificates}), kfake.EnableSASL(), kfake.EnableACLs(),
		kfake.User("SCRAM-SHA-512", "carnet", password, acls...), kfake.User("PLAIN", "carnet", password, acls...))
	return c, &kafkaaudit.Options{TLS: &tls.Config{RootCAs: roots}}
}

// TestLogin: with what a broker asks for, and no right but to write lines are delivered;
// without, and with a wrong one, they are not.
func TestLogin(t *testing.T) {
	write := []kmsg.ACLOperation{kmsg.ACLOperationWrite, kmsg.ACLOperationDescribe}
	for name, tt := range map[string]struct {
		mechanism  sasl.Mechanism
		operations []kmsg.ACLOperation
		want       string
	}{
		"scram":                  {scram.Auth{User: "carnet", Pass: password}.AsSha512Mechanism(), write, ""},
		"plain":                  {plain.Auth{User: "carnet", Pass: password}.AsMechanism(), write, ""},
		"wrong, and it hangs up": {plain.Auth{User: "carnet", Pass: password + "x"}.AsMechanism(), write, "unavailable"},
		"may read":               {scram.Auth{User: "carnet", Pass: password}.AsSha512Mechanism(), []kmsg.ACLOperation{kmsg.ACLOperationRead}, "denied"},
		"may nothing":            {scram.Auth{User: "carnet", Pass: password}.AsSha512Mechanism(), nil, "denied"},
		"none":                   {nil, write, "unavailable"},
		"a secret is absent":     {plain.Plain(func(context.Context) (plain.Auth, error) { return plain.Auth{}, errors.New(canary) }), write, "unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			c, o := guarded(t, tt.operations...)
			o.SASL = tt.mechanism
			sink := open(t, c.ListenAddrs()[0], o)
			if tt.want == "" {
				whole(t, sink, entries(0, 3, 0))
			} else if err := refused(t, sink); classOf(err) != tt.want {
				t.Errorf("%v, want %s", err, tt.want)
			}
			if text := fmt.Sprintf("%v %+v %#v %+v", sink, sink, sink, o); strings.Contains(text, canary) {
				t.Error("a password is printed")
			}
		})
	}
}

// TestARefusedLogin, in the words of Kafka: the cluster of these tests only hangs up.
func TestARefusedLogin(t *testing.T) {
	said := "no to " + canary
	for name, answer := range map[string]struct {
		key  kmsg.Key
		with func(kmsg.Request) kmsg.Response
	}{
		"a wrong password": {kmsg.SASLAuthenticate, func(q kmsg.Request) kmsg.Response {
			no := q.ResponseKind().(*kmsg.SASLAuthenticateResponse)
			no.ErrorCode, no.ErrorMessage = kerr.SaslAuthenticationFailed.Code, &said
			return no
		}},
		"another mechanism": {kmsg.SASLHandshake, func(q kmsg.Request) kmsg.Response {
			no := q.ResponseKind().(*kmsg.SASLHandshakeResponse)
			no.ErrorCode = kerr.UnsupportedSaslMechanism.Code
			return no
		}},
	} {
		c, o := guarded(t)
		c.ControlKey(int16(answer.key), func(q kmsg.Request) (kmsg.Response, error, bool) {
			c.KeepControl()
			return answer.with(q), nil, true
		})
		o.SASL = plain.Auth{User: "carnet", Pass: password}.AsMechanism()
		if err := refused(t, open(t, c.ListenAddrs()[0], o)); classOf(err) != "denied" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestASecretThatHangs ends with the context, for whichever connection it is asked for.
func TestASecretThatHangs(t *testing.T) {
	c, o := guarded(t, kmsg.ACLOperationWrite, kmsg.ACLOperationDescribe)
	for good := range int64(4) {
		asked := new(atomic.Int64)
		until, cancel := context.WithCancel(within(t, time.Minute))
		o.SASL = plain.Plain(func(ctx context.Context) (plain.Auth, error) {
			if asked.Add(1) > good {
				cancel()
				<-ctx.Done()
				return plain.Auth{}, ctx.Err()
			}
			return plain.Auth{User: "carnet", Pass: password}, nil
		})
		n, err := open(t, c.ListenAddrs()[0], o).Deliver(until, entries(0, 1, 0))
		if hung := asked.Load() > good; hung != (err == context.Canceled) || hung == (n == 1) {
			t.Errorf("connection %d: %d, %v", good, n, err)
		}
	}
}

// closing is a mechanism that is not to be used when it was closed.
type closing struct {
	sasl.Mechanism
	closed *atomic.Int64
}

func (c closing) Close() { c.closed.Add(1) }

// TestAMechanismIsClosedOnce, and not by a delivery that failed: the next one needs it.
func TestAMechanismIsClosedOnce(t *testing.T) {
	c, o := guarded(t)
	closed := new(atomic.Int64)
	o.SASL = closing{plain.Auth{User: "carnet", Pass: "wrong"}.AsMechanism(), closed}
	sink := open(t, c.ListenAddrs()[0], o)
	if err := refused(t, sink); closed.Load() != 0 {
		t.Errorf("%v, closed %d times", err, closed.Load())
	}
	if err := errors.Join(sink.Close(t.Context()), sink.Close(t.Context())); err != nil || closed.Load() != 1 {
		t.Errorf("%v, closed %d times", err, closed.Load())
	}
}

// TestCertificates: of a stranger; and ours, where the broker does not take it, which TLS 1.3
// says after the handshake.
func TestCertificates(t *testing.T) {
	_, o := guarded(t)
	c, _ := guarded(t)
	o.TLS.RootCAs = x509.NewCertPool()
	if err := refused(t, open(t, c.ListenAddrs()[0], o)); classOf(err) != "denied" {
		t.Errorf("a stranger: %v", err)
	}
	far := httptest.NewTLSServer(nil)
	defer far.Close()
	roots := x509.NewCertPool()
	roots.AddCert(far.Certificate())
	for name, newest := range map[string]uint16{"TLS 1.3": tls.VersionTLS13, "TLS 1.2": tls.VersionTLS12} {
		c := cluster(t, kfake.TLS(&tls.Config{Certificates: far.TLS.Certificates, ClientAuth: tls.RequireAndVerifyClientCert, MaxVersion: newest}))
		if err := refused(t, open(t, c.ListenAddrs()[0], &kafkaaudit.Options{TLS: &tls.Config{RootCAs: roots}})); classOf(err) != "denied" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNew(t *testing.T) {
	some, secure := []string{"kafka-1.acme.example:9093", "[2001:db8::1]:9093"}, &tls.Config{MinVersion: tls.VersionTLS13}
	for _, o := range []*kafkaaudit.Options{nil, {}, {TLS: secure, ClientID: "hr-1.audit_A"}} {
		if sink, err := kafkaaudit.New(some, topic, o); sink == nil || err != nil {
			t.Error(err)
		}
	}
	for _, here := range []string{"127.0.0.1:9092", "[::1]:9092", "localhost:9092"} {
		if _, err := kafkaaudit.New([]string{here}, topic, &kafkaaudit.Options{InsecurePlaintext: true}); err != nil {
			t.Error(err)
		}
	}
	for name, tt := range map[string]struct {
		brokers []string
		topic   string
		o       *kafkaaudit.Options
	}{
		"no brokers":          {nil, topic, nil},
		"no topic":            {some, "", nil},
		"a dot":               {some, ".", nil},
		"two dots":            {some, "..", nil},
		"a long topic":        {some, strings.Repeat("a", 250), nil},
		"not a topic":         {some, canary + "\n", nil},
		"no port":             {[]string{canary}, topic, nil},
		"a second without":    {[]string{some[0], canary}, topic, nil},
		"no host":             {[]string{":9093"}, topic, nil},
		"port zero":           {[]string{canary + ":0"}, topic, nil},
		"no number":           {[]string{canary + ":kafka"}, topic, nil},
		"a large number":      {[]string{canary + ":65536"}, topic, nil},
		"no one at all":       {some, topic, &kafkaaudit.Options{TLS: &tls.Config{InsecureSkipVerify: true}}},
		"TLS 1.1":             {some, topic, &kafkaaudit.Options{TLS: &tls.Config{MinVersion: tls.VersionTLS11}}},
		"TLS 1.0 only":        {some, topic, &kafkaaudit.Options{TLS: &tls.Config{MaxVersion: tls.VersionTLS10}}},
		"both":                {[]string{"127.0.0.1:9092"}, topic, &kafkaaudit.Options{TLS: secure, InsecurePlaintext: true}},
		"plaintext elsewhere": {some, topic, &kafkaaudit.Options{InsecurePlaintext: true}},
		"plaintext by name":   {[]string{"localhost.acme.example:9092"}, topic, &kafkaaudit.Options{InsecurePlaintext: true}},
		"a client id":         {some, topic, &kafkaaudit.Options{ClientID: canary + " "}},
	} {
		sink, err := kafkaaudit.New(tt.brokers, tt.topic, tt.o)
		if sink != nil || classOf(err) != "invalid" {
			t.Errorf("%s: %v", name, err)
			continue
		}
		silent(t, err)
	}
}
