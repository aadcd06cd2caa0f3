package kafkaaudit_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
	"go.uber.org/goleak"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/audit/kafkaaudit"
)

const (
	topic  = "audit-7f3a" // which no error may name
	origin = "acme.example/hr/a"
	canary = "canary-5dA9x"
)

func open(t testing.TB, broker string, o *kafkaaudit.Options) *kafkaaudit.Kafka {
	t.Helper()
	sink, err := kafkaaudit.New([]string{broker}, topic, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sink.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return sink
}

// cluster is three brokers on loopback with a topic of three partitions.
func cluster(t testing.TB, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(3), kfake.SeedTopics(3, topic)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func bare(t testing.TB, c *kfake.Cluster) *kafkaaudit.Kafka {
	t.Helper()
	return open(t, c.ListenAddrs()[0], &kafkaaudit.Options{InsecurePlaintext: true})
}

// entries are n lines of a size, from an index on.
func entries(from int64, n, size int) []audit.Entry {
	list := make([]audit.Entry, n)
	for i := range list {
		head := fmt.Sprintf(`{"%s":%d,"more":"`, canary, from+int64(i))
		line := head + strings.Repeat("x", max(0, size-len(head)-2)) + `"}`
		list[i] = audit.Entry{Origin: origin, Index: from + int64(i), Line: []byte(line), Time: time.UnixMilli(1764150000123).UTC()}
	}
	return list
}

func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// whole delivers a batch that meets no trouble.
func whole(t testing.TB, sink audit.Sink, list []audit.Entry) {
	t.Helper()
	if n, err := sink.Deliver(within(t, time.Minute), list); n != len(list) || err != nil {
		t.Fatalf("%d of %d, %v", n, len(list), err)
	}
}

// refused is the error of a delivery of which nothing counts.
func refused(t testing.TB, sink audit.Sink) error {
	t.Helper()
	n, err := sink.Deliver(within(t, 20*time.Second), entries(0, 3, 0))
	if n != 0 || err == nil {
		t.Fatalf("%d count, %v", n, err)
	}
	silent(t, err)
	return err
}

func silent(t testing.TB, err error) {
	t.Helper()
	for _, text := range []string{canary, topic, "127.0.0.1", "localhost", origin, "broker at"} {
		if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), text) {
			t.Errorf("%v has %s", err, text)
		}
	}
}

func classOf(err error) string {
	e, ok := errors.AsType[*audit.SinkError](err)
	if !ok {
		return fmt.Sprint(err)
	}
	return e.Class
}

// got are all records of the topic, by partition, in their order.
func got(t testing.TB, c *kfake.Cluster) map[int32][]*kgo.Record {
	t.Helper()
	left := int64(0)
	for _, p := range c.PartitionInfos(topic) {
		left += p.HighWatermark
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(50*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	all, ctx := map[int32][]*kgo.Record{}, within(t, time.Minute)
	for left > 0 {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatal("what was written cannot be read")
		}
		fetches.EachRecord(func(r *kgo.Record) {
			all[r.Partition] = append(all[r.Partition], r)
			left--
		})
	}
	return all
}

// indices are those of a topic in which one partition has everything.
func indices(t testing.TB, c *kfake.Cluster) (list []int64) {
	t.Helper()
	all := got(t, c)
	if len(all) > 1 {
		t.Errorf("%d partitions", len(all))
	}
	for _, records := range all {
		for _, r := range records {
			list = append(list, indexOf(t, r))
		}
	}
	return list
}

func indexOf(t testing.TB, r *kgo.Record) int64 {
	index, err := strconv.ParseInt(string(r.Headers[0].Value), 10, 64)
	if err != nil {
		t.Error(err)
	}
	return index
}

func upTo(n int64) (list []int64) {
	for i := range n {
		list = append(list, i)
	}
	return list
}

// observe sees all requests of a kind, and changes nothing.
func observe[Q any](c *kfake.Cluster, key kmsg.Key, see func(Q)) {
	c.ControlKey(int16(key), func(q kmsg.Request) (kmsg.Response, error, bool) {
		see(q.(Q))
		return nil, nil, false
	})
}

// TestTheRecord has the line as it is, and all that tells it apart. Whatever else is asked
// of a broker: all replicas, a producer that it knows, and no topic that is not there.
func TestTheRecord(t *testing.T) {
	c := cluster(t)
	var mu sync.Mutex
	var faults []string
	observe(c, kmsg.Produce, func(q *kmsg.ProduceRequest) {
		mu.Lock()
		defer mu.Unlock()
		for _, asked := range q.Topics {
			for _, p := range asked.Partitions {
				var b kmsg.RecordBatch
				if err := b.ReadFrom(p.Records); err != nil || q.Acks != -1 || b.ProducerID < 0 || b.Attributes&7 != 0 {
					faults = append(faults, fmt.Sprintf("acks %d, producer %d, attributes %d, %v", q.Acks, b.ProducerID, b.Attributes, err))
				}
			}
		}
	})
	observe(c, kmsg.Metadata, func(q *kmsg.MetadataRequest) {
		mu.Lock()
		defer mu.Unlock()
		if q.AllowAutoTopicCreation {
			faults = append(faults, "topics may be created")
		}
	})
	begun := time.Now().Add(-time.Second)
	whole(t, bare(t, c), entries(42, 2, 0))
	for _, records := range got(t, c) {
		for i, r := range records {
			want := entries(42, 2, 0)[i]
			if string(r.Key) != origin || string(r.Value) != string(want.Line) || len(r.Headers) != 1 || r.Headers[0].Key != "carnet-index" || indexOf(t, r) != want.Index {
				t.Errorf("%s %s %v", r.Key, r.Value, r.Headers)
			}
			if r.Timestamp.Before(begun) {
				t.Errorf("%v: the retention of the topic began long ago", r.Timestamp)
			}
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(faults) > 0 {
		t.Error(faults)
	}
}

// TestOrder: batches that need many requests, of two logs, stand in order, each log in one
// partition.
func TestOrder(t *testing.T) {
	c := cluster(t)
	sink := bare(t, c)
	for from := int64(0); from < 60; from += 20 {
		list := entries(from, 20, 60_000)
		for _, e := range entries(from, 20, 100) {
			e.Origin = "acme.example/hr/b"
			list = append(list, e)
		}
		whole(t, sink, list)
	}
	places := map[string]map[int32][]int64{origin: {}, "acme.example/hr/b": {}}
	for p, records := range got(t, c) {
		for _, r := range records {
			places[string(r.Key)][p] = append(places[string(r.Key)][p], indexOf(t, r))
		}
	}
	for key, by := range places {
		if len(by) != 1 {
			t.Errorf("%s is in %d partitions", key, len(by))
		}
		for _, list := range by {
			if !slices.Equal(list, upTo(60)) {
				t.Errorf("%s: %v", key, list)
			}
		}
	}
}

// TestAPrefixCounts: what stands before the first request that was refused.
func TestAPrefixCounts(t *testing.T) {
	c := cluster(t)
	c.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		q := r.(*kmsg.ProduceRequest)
		if entriesOf(t, q)[0].Index < 3 {
			return nil, nil, false
		}
		return sayNo(q, kerr.TopicAuthorizationFailed), nil, true
	})
	sink := bare(t, c)
	n, err := sink.Deliver(within(t, time.Minute), entries(0, 8, 60_000))
	if n != 3 || classOf(err) != "denied" {
		t.Errorf("%d, %v", n, err)
	}
	silent(t, err)
	if list := indices(t, c); !slices.Equal(list, upTo(3)) {
		t.Errorf("the topic has %v", list)
	}
}

// TestAGap: what brokers have behind a line that was refused does not count, and comes again.
// The refusal waits until the rest, which is another broker's, is there.
func TestAGap(t *testing.T) {
	c := cluster(t, kfake.SleepOutOfOrder())
	for p := range int32(3) {
		if err := c.MoveTopicPartition(topic, p, p); err != nil {
			t.Fatal(err)
		}
	}
	ctx, written := within(t, time.Minute), make(chan struct{})
	var answers atomic.Int64
	c.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		q := r.(*kmsg.ProduceRequest)
		if entriesOf(t, q)[0].Origin != origin {
			if answers.Add(1) == 2 { // one request at a time: the first is written
				close(written)
			}
			return nil, nil, false
		}
		c.SleepControl(func() {
			select {
			case <-written:
			case <-ctx.Done():
			}
		})
		return sayNo(q, kerr.TopicAuthorizationFailed), nil, true
	})
	list := entries(0, 4, 60_000)
	for i := 1; i < len(list); i++ {
		list[i].Origin = "acme.example/hr/b"
	}
	if n, err := bare(t, c).Deliver(ctx, list); n != 0 || classOf(err) != "denied" {
		t.Errorf("%d, %v", n, err)
	}
	if len(got(t, c)) == 0 {
		t.Error("nothing was written behind it, and nothing is tested")
	}
}

// TestALeaderMoves between two deliveries, and the old one says so: nothing is lost, nothing
// comes twice.
func TestALeaderMoves(t *testing.T) {
	c := cluster(t)
	sink := bare(t, c)
	for from := int64(0); from < 60; from += 10 {
		whole(t, sink, entries(from, 10, 100))
		for p := range int32(3) {
			if err := c.MoveTopicPartition(topic, p, (c.LeaderFor(topic, p)+1)%3); err != nil {
				t.Fatal(err)
			}
		}
	}
	if list := indices(t, c); !slices.Equal(list, upTo(60)) {
		t.Errorf("the topic has %v", list)
	}
}

// TestNotEnoughReplicas: for a moment, which one delivery outlives without a duplicate, also
// where it was written before; and for longer, when nothing counts.
func TestNotEnoughReplicas(t *testing.T) {
	for _, why := range []*kerr.Error{kerr.NotEnoughReplicas, kerr.NotEnoughReplicasAfterAppend} {
		c := cluster(t)
		sink := bare(t, c)
		c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: why, Count: 1})
		whole(t, sink, entries(0, 10, 100))
		handle := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: why, Count: -1})
		if err := refused(t, sink); classOf(err) != "unavailable" {
			t.Errorf("%v: %v", why, err)
		}
		handle.Remove()
		whole(t, sink, entries(10, 10, 100))
		list := indices(t, c)
		if why == kerr.NotEnoughReplicasAfterAppend {
			list = slices.Delete(list, 10, 13) // which were written and not counted
		}
		if !slices.Equal(list, upTo(20)) {
			t.Errorf("%v: the topic has %v", why, list)
		}
	}
}

// TestWrittenAndNotAnswered: once, and the same delivery writes nothing twice; or throughout,
// and the next one writes it again, under the same index.
func TestWrittenAndNotAnswered(t *testing.T) {
	c := cluster(t)
	sink := bare(t, c)
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.RequestTimedOut, Count: 1})
	whole(t, sink, entries(0, 10, 100))
	if list := indices(t, c); !slices.Equal(list, upTo(10)) {
		t.Errorf("the topic has %v", list)
	}
	handle := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.RequestTimedOut, Count: -1})
	if n, err := sink.Deliver(within(t, time.Minute), entries(10, 10, 100)); n != 0 || classOf(err) != "unavailable" {
		t.Errorf("%d, %v", n, err)
	}
	handle.Remove()
	whole(t, sink, entries(10, 10, 100))
	list := indices(t, c)
	if len(list) != 30 || !slices.Equal(list[:20], upTo(20)) || !slices.Equal(list[20:], list[10:20]) {
		t.Errorf("the topic has %v", list)
	}
}

// TestLostAnswers: a broker that hangs up each time is asked three times at most, and not until
// the context ends.
func TestLostAnswers(t *testing.T) {
	c := cluster(t)
	var asked atomic.Int64
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		asked.Add(1)
		return nil, errors.New("hangs up"), true
	})
	if err := refused(t, bare(t, c)); classOf(err) != "unavailable" || asked.Load() < 1 || asked.Load() > 3 {
		t.Errorf("%v, asked %d times", err, asked.Load())
	}
}

// TestWrittenAfterwards: the answer, and the writing, come when the caller has gone. What is
// delivered meanwhile is all there, in order; what is late is a duplicate.
func TestWrittenAfterwards(t *testing.T) {
	c := cluster(t, kfake.SleepOutOfOrder())
	sink := bare(t, c)
	late, written := make(chan struct{}), make(chan struct{})
	var first atomic.Bool
	ctx, cancel := context.WithCancel(within(t, time.Minute))
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		if !first.CompareAndSwap(false, true) {
			return nil, nil, false
		}
		c.SleepControl(func() { cancel(); <-late })
		close(written)
		return nil, nil, false
	})
	n, err := sink.Deliver(ctx, entries(0, 10, 100))
	if n != 0 || err != context.Canceled {
		t.Errorf("%d, %v", n, err)
	}
	whole(t, sink, entries(0, 10, 100))
	whole(t, sink, entries(10, 10, 100))
	close(late)
	<-written
	whole(t, sink, entries(20, 10, 100))
	var once []int64
	for _, i := range indices(t, c) {
		if !slices.Contains(once, i) {
			once = append(once, i)
		}
	}
	if !slices.Equal(once, upTo(30)) {
		t.Errorf("the topic has %v", once)
	}
}

// TestNothingGoesOn when Deliver has returned: no connection, no attempt, no goroutine.
func TestNothingGoesOn(t *testing.T) {
	c := cluster(t, kfake.SleepOutOfOrder())
	before, never := goleak.IgnoreCurrent(), make(chan struct{})
	defer close(never)
	sink := bare(t, c)
	whole(t, sink, entries(0, 1, 0))
	ctx, cancel := context.WithCancel(within(t, time.Minute))
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		c.SleepControl(func() { cancel(); <-never })
		return nil, errors.New("hangs up"), true
	})
	if n, err := sink.Deliver(ctx, entries(1, 10, 100)); n != 0 || err != context.Canceled {
		t.Errorf("%d, %v", n, err)
	}
	var ours []goleak.Option // the cluster's own
	for _, name := range []string{"(*clientConn).read", "(*clientConn).read.func1", "(*clientConn).write", "(*Cluster).SleepControl", "(*Cluster).SleepControl.func1", "(*bsleep).maybeWaitOOOWake.func1", "(*bsleep).waitSet"} {
		ours = append(ours, goleak.IgnoreAnyFunction("github.com/twmb/franz-go/pkg/kfake."+name))
	}
	if err := goleak.Find(append(ours, before)...); err != nil {
		t.Error(err)
	}
}

// TestNoTopic is an error, also where brokers would make one, and when there is one it gets
// everything.
func TestNoTopic(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.AllowAutoTopicCreation())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	sink := bare(t, c)
	for range 2 {
		if err := refused(t, sink); !errors.Is(err, kafkaaudit.ErrNoTopic) || classOf(err) != "invalid" {
			t.Error(err)
		}
	}
	if c.TopicInfo(topic) != nil {
		t.Error("it was created")
	}
	for range 2 { // the second is another topic of the same name
		if err := c.CreateTopic(topic, 1, nil); err != nil {
			t.Fatal(err)
		}
		list := entries(0, 10, 100)
		if n, err := sink.Deliver(within(t, time.Minute), list); n != 10 { // it knew the old one
			silent(t, err)
			whole(t, sink, list)
		}
		if list := indices(t, c); !slices.Equal(list, upTo(10)) {
			t.Errorf("the topic has %v", list)
		}
		if err := c.DeleteTopic(topic); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTooLarge: the longest lines fit where max.message.bytes is what the documentation says,
// many at once too; where it is less, the error says what to do.
func TestTooLarge(t *testing.T) {
	for limit, want := range map[string]error{"66560": nil, "65535": kafkaaudit.ErrTooLarge} {
		c, err := kfake.NewCluster(kfake.NumBrokers(1))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		if err := c.CreateTopic(topic, 1, map[string]string{"max.message.bytes": limit}); err != nil {
			t.Fatal(err)
		}
		list := entries(0, 16, 65_535)
		for i := range list {
			list[i].Origin = strings.Repeat("o", 255)
			list[i].Index += 1 << 60
		}
		n, err := bare(t, c).Deliver(within(t, time.Minute), list)
		if !errors.Is(err, want) || want == nil && n != 16 || want != nil && (n != 0 || classOf(err) != "invalid") {
			t.Errorf("%s: %d, %v", limit, n, err)
		}
	}
}

// TestOneLineTooMany is longer than a log's can be: it is refused before it is sent.
func TestOneLineTooMany(t *testing.T) {
	c := cluster(t)
	n, err := bare(t, c).Deliver(within(t, time.Minute), entries(0, 1, 70_000))
	if n != 0 || !errors.Is(err, kafkaaudit.ErrTooLarge) {
		t.Errorf("%d, %v", n, err)
	}
}

// TestCompacted: all lines of a log have one key, of which such a topic keeps the newest.
func TestCompacted(t *testing.T) {
	for policy, want := range map[string]error{"delete": nil, "compact": kafkaaudit.ErrCompacted, "compact,delete": kafkaaudit.ErrCompacted} {
		c, err := kfake.NewCluster(kfake.NumBrokers(1))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		if err := c.CreateTopic(topic, 1, map[string]string{"cleanup.policy": policy}); err != nil {
			t.Fatal(err)
		}
		if _, err := bare(t, c).Deliver(within(t, time.Minute), entries(0, 3, 0)); !errors.Is(err, want) || want != nil && classOf(err) != "invalid" {
			t.Errorf("%s: %v", policy, err)
		}
	}
}

// TestTooOld: to a broker without producer ids the client would send without one.
func TestTooOld(t *testing.T) {
	old := kversion.V3_0_0()
	old.SetMaxKeyVersion(int16(kmsg.InitProducerID), -1)
	c := cluster(t, kfake.MaxVersions(old))
	if err := refused(t, bare(t, c)); !errors.Is(err, kafkaaudit.ErrTooOld) {
		t.Error(err)
	}
	if len(got(t, c)) != 0 {
		t.Error("something was written")
	}
}

// TestWhatBrokersSay has a class, and no text.
func TestWhatBrokersSay(t *testing.T) {
	for why, want := range map[*kerr.Error]string{
		kerr.TopicAuthorizationFailed: "denied", kerr.ClusterAuthorizationFailed: "denied", kerr.PolicyViolation: "invalid", kerr.InvalidRecord: "invalid",
		kerr.InvalidTimestamp: "invalid", kerr.ThrottlingQuotaExceeded: "throttled", kerr.KafkaStorageError: "unavailable", kerr.UnknownServerError: "unavailable",
		kerr.MessageTooLarge: "invalid", kerr.CorruptMessage: "unavailable", kerr.OutOfOrderSequenceNumber: "unavailable",
	} {
		c := cluster(t)
		c.ControlKey(int16(kmsg.Produce), func(q kmsg.Request) (kmsg.Response, error, bool) {
			c.KeepControl()
			return sayNo(q.(*kmsg.ProduceRequest), why), nil, true
		})
		if err := refused(t, bare(t, c)); classOf(err) != want {
			t.Errorf("%v: %v, want %s", why, err, want)
		}
	}
}

// TestOneAtATime: who waits for its turn is let go when its context ends.
func TestOneAtATime(t *testing.T) {
	c := cluster(t, kfake.SleepOutOfOrder())
	sink := bare(t, c)
	asked, answer := make(chan struct{}), make(chan struct{})
	var first atomic.Bool
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		if !first.CompareAndSwap(false, true) {
			return nil, nil, false
		}
		c.SleepControl(func() { close(asked); <-answer })
		return nil, nil, false
	})
	var wg sync.WaitGroup
	wg.Go(func() {
		if n, err := sink.Deliver(within(t, time.Minute), entries(0, 10, 100)); n != 10 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	})
	<-asked
	if n, err := sink.Deliver(within(t, 50*time.Millisecond), entries(10, 10, 100)); n != 0 || err != context.DeadlineExceeded {
		t.Errorf("%d, %v", n, err)
	}
	if err := sink.Close(within(t, 50*time.Millisecond)); err != context.DeadlineExceeded {
		t.Error(err)
	}
	close(answer)
	wg.Wait()
	whole(t, sink, entries(10, 10, 100))
	if list := indices(t, c); !slices.Equal(list, upTo(20)) {
		t.Errorf("the topic has %v", list)
	}
}

// TestClosed: nothing more, and no connection.
func TestClosed(t *testing.T) {
	c := cluster(t)
	sink := bare(t, c)
	if n, err := sink.Deliver(t.Context(), nil); n != 0 || err != nil {
		t.Error(n, err)
	}
	whole(t, sink, entries(0, 1, 0))
	if err := errors.Join(sink.Close(t.Context()), sink.Close(t.Context())); err != nil {
		t.Error(err)
	}
	if err := refused(t, sink); classOf(err) != "invalid" {
		t.Error(err)
	}
	var none *kafkaaudit.Kafka
	for _, zero := range []*kafkaaudit.Kafka{none, new(kafkaaudit.Kafka)} {
		if err := refused(t, zero); classOf(err) != "invalid" || zero.Close(t.Context()) != nil {
			t.Error(err)
		}
	}
}

// TestBorrowed: a client may look at a record when the caller has its lines back.
func TestBorrowed(t *testing.T) {
	e := entries(0, 1, 0)[0]
	r, want := kafkaaudit.Record(topic, e), string(e.Line)
	clear(e.Line)
	if string(r.Value) != want {
		t.Error("the record has the caller's bytes")
	}
}

// TestNoOrigin: without a key anybody's partition would do.
func TestNoOrigin(t *testing.T) {
	c := cluster(t)
	list := entries(0, 3, 0)
	list[2].Origin = ""
	if n, err := bare(t, c).Deliver(t.Context(), list); n != 0 || classOf(err) != "invalid" || len(got(t, c)) != 0 {
		t.Error(n, err)
	}
}

// TestPlaintextStaysHere, also where a broker says that another has the partition.
func TestPlaintextStaysHere(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	o := &kafkaaudit.Options{InsecurePlaintext: true}
	conn, err := kafkaaudit.Dial(t.Context(), o, listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	for _, address := range []string{"192.0.2.1:9092", "kafka.invalid:9092", "0.0.0.0:9092", "[::ffff:192.0.2.1]:9092", "none"} {
		if conn, err := kafkaaudit.Dial(t.Context(), o, address); err == nil || conn != nil || err.Error() != "kafkaaudit: not on loopback" {
			t.Errorf("%s: %v", address, err)
		}
	}
}
