package kafkaaudit

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"regexp"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"

	"github.com/carnet-go/carnet/audit"
)

var (
	topicPattern  = regexp.MustCompile(`^[A-Za-z0-9._-]{1,249}$`)
	clientPattern = regexp.MustCompile(`^[A-Za-z0-9._-]{0,255}$`)
)

// Kafka is an audit.Sink. The zero Kafka delivers nothing.
type Kafka struct {
	topic     string
	options   []kgo.Opt
	mechanism sasl.Mechanism

	turn   chan struct{} // who has it may use what follows
	client *kgo.Client   // nil: none yet, or the last one failed
	closed bool
}

// Options of New. Nil means the documented defaults.
type Options struct {
	TLS      *tls.Config    // 1.2 or newer; nil: the system's roots, and no client certificate
	SASL     sasl.Mechanism // of the packages below franz-go's pkg/sasl; nil: none
	ClientID string         // that brokers know quotas and their own logs by; empty: carnet

	// InsecurePlaintext is for a broker on loopback, such as that of a test: no TLS. Nothing
	// else is dialled then, also where a broker says that another has the partition.
	InsecurePlaintext bool
}

// New asks nobody: brokers that are not there show with the first Deliver. A broker is
// host:port; one of them that is there is enough.
func New(brokers []string, topic string, o *Options) (*Kafka, error) {
	if o == nil {
		o = &Options{}
	}
	switch {
	case len(brokers) == 0 || !topicPattern.MatchString(topic) || topic == "." || topic == "..":
		return nil, refused("no brokers, or not the name of a topic")
	case !clientPattern.MatchString(o.ClientID):
		return nil, refused("not a ClientID")
	case o.InsecurePlaintext && o.TLS != nil:
		return nil, refused("TLS and InsecurePlaintext")
	case !verifies(o.TLS):
		return nil, refused("a TLS that trusts anybody, or is older than 1.2")
	}
	for _, b := range brokers {
		host, port, err := net.SplitHostPort(b)
		n, numeric := strconv.ParseUint(port, 10, 16)
		if err != nil || host == "" || numeric != nil || n == 0 {
			return nil, refused("a broker is not host:port")
		}
		if o.InsecurePlaintext && !loopback(host) {
			return nil, refused("InsecurePlaintext to a broker that is not on loopback")
		}
	}
	return &Kafka{topic: topic, options: clientOptions(slices.Clone(brokers), o), mechanism: o.SASL, turn: make(chan struct{}, 1)}, nil
}

func verifies(c *tls.Config) bool {
	return c == nil || (!c.InsecureSkipVerify || c.VerifyConnection != nil || c.VerifyPeerCertificate != nil) &&
		cmp.Or(c.MinVersion, tls.VersionTLS12) >= tls.VersionTLS12 && cmp.Or(c.MaxVersion, tls.VersionTLS13) >= tls.VersionTLS12
}

// Deliver is for audit.Sink.
func (k *Kafka) Deliver(ctx context.Context, batch []audit.Entry) (int, error) {
	if k == nil || k.turn == nil {
		return 0, invalid()
	}
	if err := k.take(ctx); err != nil {
		return 0, err
	}
	defer k.leave()
	if len(batch) == 0 {
		return 0, nil
	}
	if slices.ContainsFunc(batch, func(e audit.Entry) bool { return e.Origin == "" }) {
		return 0, invalid() // without a key any partition would do
	}
	if err := k.connect(ctx); err != nil {
		return 0, k.fail(ctx, err)
	}
	n, err := send(ctx, k.client, k.topic, batch)
	if err != nil {
		return n, k.fail(ctx, err)
	}
	return n, nil
}

// Close ends the connections. It waits for a delivery under way, at most until ctx ends.
// Nothing is delivered afterwards.
func (k *Kafka) Close(ctx context.Context) error {
	if k == nil || k.turn == nil {
		return nil
	}
	select {
	case k.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer k.leave()
	k.drop()
	if c, ok := k.mechanism.(sasl.ClosingMechanism); ok && !k.closed {
		c.Close()
	}
	k.closed = true
	return nil
}

// take waits for its turn.
func (k *Kafka) take(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	select {
	case k.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	if k.closed {
		k.leave()
		return invalid()
	}
	return nil
}

func (k *Kafka) leave() { <-k.turn }

// fail begins anew with the next delivery: what this client still had in hand, it may not
// send behind the caller's back.
func (k *Kafka) fail(ctx context.Context, err error) error {
	k.drop()
	return errorOf(ctx, err)
}

func (k *Kafka) drop() {
	if k.client != nil {
		k.client.Close()
		k.client = nil
	}
}
