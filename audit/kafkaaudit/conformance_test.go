package kafkaaudit_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strconv"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/audit/audittest"
	"github.com/carnet-go/carnet/audit/kafkaaudit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// receiving is a broker that asks a receiver about each record before it keeps it.
func receiving(t testing.TB, r *audittest.Receiver) string {
	t.Helper()
	own := r.TLS()
	cluster, err := kfake.NewCluster(
		kfake.NumBrokers(1), kfake.SeedTopics(3, topic), kfake.SleepOutOfOrder(),
		kfake.ListenFn(func(string, string) (net.Listener, error) { return r.Listener(), nil }),
		kfake.TLS(&tls.Config{Certificates: own.Certificates, ClientCAs: own.RootCAs, ClientAuth: tls.RequireAndVerifyClientCert}),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	cluster.ControlKey(int16(kmsg.Produce), func(q kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		var err error
		cluster.SleepControl(func() { err = takeAll(t, r, q.(*kmsg.ProduceRequest)) })
		switch {
		case err == nil:
			return nil, nil, false
		case errors.Is(err, audittest.ErrLost):
			return nil, err, true // which hangs up
		}
		return sayNo(q.(*kmsg.ProduceRequest), kerr.TopicAuthorizationFailed), nil, true
	})
	return cluster.ListenAddrs()[0]
}

func takeAll(t testing.TB, r *audittest.Receiver, q *kmsg.ProduceRequest) error {
	for _, e := range entriesOf(t, q) {
		if err := r.Take(context.Background(), e.Origin, e.Index, e.Line); err != nil {
			return err
		}
	}
	return nil
}

// recordsOf are the records of a request, in its order.
func recordsOf(t testing.TB, q *kmsg.ProduceRequest) (list []kmsg.Record) {
	for _, asked := range q.Topics {
		for _, p := range asked.Partitions {
			var b kmsg.RecordBatch
			if err := b.ReadFrom(p.Records); err != nil {
				t.Error(err)
			}
			records, err := kfake.BatchRecords(b)
			if err != nil {
				t.Error(err)
			}
			list = append(list, records...)
		}
	}
	return list
}

func entriesOf(t testing.TB, q *kmsg.ProduceRequest) (list []audit.Entry) {
	for _, r := range recordsOf(t, q) {
		index, err := strconv.ParseInt(string(r.Headers[0].Value), 10, 64)
		if err != nil || r.Headers[0].Key != "carnet-index" {
			t.Errorf("%v, %v", r.Headers, err)
		}
		list = append(list, audit.Entry{Origin: string(r.Key), Index: index, Line: r.Value})
	}
	return list
}

// sayNo answers with an error, and a text that nobody should repeat.
func sayNo(q *kmsg.ProduceRequest, why *kerr.Error) kmsg.Response {
	said := "no to " + audittest.Canary
	response := q.ResponseKind().(*kmsg.ProduceResponse)
	for _, asked := range q.Topics {
		answer := kmsg.NewProduceResponseTopic()
		answer.Topic, answer.TopicID = asked.Topic, asked.TopicID
		for _, p := range asked.Partitions {
			no := kmsg.NewProduceResponseTopicPartition()
			no.Partition, no.ErrorCode, no.ErrorMessage = p.Partition, why.Code, &said
			answer.Partitions = append(answer.Partitions, no)
		}
		response.Topics = append(response.Topics, answer)
	}
	return response
}

func TestConformance(t *testing.T) {
	audittest.Run(t, func(t testing.TB, r *audittest.Receiver) audit.Sink {
		return open(t, receiving(t, r), &kafkaaudit.Options{TLS: r.TLS()})
	})
}
