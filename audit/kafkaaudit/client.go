package kafkaaudit

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl"
)

const (
	// batchMost is more than the longest line is with key and header: a topic that takes that
	// takes each batch, whatever its max.message.bytes is for others.
	batchMost = 66_560

	attempts  = 3 // of a record, or a request, within one delivery
	pause     = 100 * time.Millisecond
	dialMost  = 10 * time.Second
	defaultID = "carnet"
)

var errElsewhere = errors.New("kafkaaudit: not on loopback")

// clientOptions are all that a client has. That acks are those of all replicas, and that
// producing is idempotent, nobody can change.
func clientOptions(brokers []string, o *Options) []kgo.Opt {
	id := o.ClientID
	if id == "" {
		id = defaultID
	}
	options := []kgo.Opt{
		kgo.SeedBrokers(brokers...),
		kgo.ClientID(id),
		kgo.Dialer(dialer(o)),
		kgo.DisableClientMetrics(), // which brokers would ask for
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.AllowIdempotentProduceCancellation(), // or a lost answer would be waited for beyond ctx
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.ProducerBatchMaxBytes(batchMost),
		kgo.RecordRetries(attempts - 1),
		kgo.RequestRetries(attempts - 1),
		kgo.UnknownTopicRetries(0),
		kgo.RetryBackoffFn(func(int) time.Duration { return pause }),
		kgo.MetadataMinAge(pause),
	}
	if o.SASL != nil {
		options = append(options, kgo.SASL(lent{o.SASL}))
	}
	return options
}

// lent is a mechanism that a client does not close: the next one needs it.
type lent struct{ sasl.Mechanism }

// dialer has no proxy, and without TLS no way off this machine.
func dialer(o *Options) func(ctx context.Context, network, address string) (net.Conn, error) {
	plain := &net.Dialer{Timeout: dialMost}
	if o.InsecurePlaintext {
		return func(ctx context.Context, network, address string) (net.Conn, error) {
			if host, _, err := net.SplitHostPort(address); err != nil || !loopback(host) {
				return nil, errElsewhere
			}
			return plain.DialContext(ctx, network, address)
		}
	}
	secure := &tls.Dialer{NetDialer: plain, Config: o.TLS.Clone()}
	return secure.DialContext
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// connect makes a client where there is none, and asks what would undo what it is for.
func (k *Kafka) connect(ctx context.Context) error {
	if k.client != nil {
		return nil
	}
	client, err := kgo.NewClient(k.options...)
	if err != nil {
		return errOptions
	}
	k.client = client
	id, _, err := client.ProducerID(ctx)
	switch {
	case err != nil:
		return err
	case id < 0: // the client would go on without one
		return ErrTooOld
	}
	return k.keepsAll(ctx)
}

// keepsAll refuses a topic that keeps only the newest of all lines. Who may not ask does
// not know.
func (k *Kafka) keepsAll(ctx context.Context) error {
	resource := kmsg.NewDescribeConfigsRequestResource()
	resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeTopic, k.topic
	resource.ConfigNames = []string{"cleanup.policy"}
	request := kmsg.NewPtrDescribeConfigsRequest()
	request.Resources = append(request.Resources, resource)
	response, err := request.RequestWith(ctx, k.client)
	if err != nil {
		return ctx.Err()
	}
	for _, r := range response.Resources {
		for _, c := range r.Configs {
			if c.Name == "cleanup.policy" && c.Value != nil && strings.Contains(*c.Value, "compact") {
				return ErrCompacted
			}
		}
	}
	return nil
}
