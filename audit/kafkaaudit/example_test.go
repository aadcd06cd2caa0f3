package kafkaaudit_test

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/audit/kafkaaudit"
)

func Example() {
	ctx := context.Background()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "audit"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer cluster.Close()
	sink, err := kafkaaudit.New(cluster.ListenAddrs(), "audit", &kafkaaudit.Options{InsecurePlaintext: true}) // outside tests: TLS
	if err != nil {
		fmt.Println(err)
		return
	}
	lines := []audit.Entry{
		{Origin: "acme.example/hr/a", Index: 42, Line: []byte(`{"activity_id":99}`)},
		{Origin: "acme.example/hr/a", Index: 43, Line: []byte(`{"activity_id":2}`)},
	}
	fmt.Println(sink.Deliver(ctx, lines)) // which a log does
	fmt.Println(sink.Close(ctx))

	consumer, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.ConsumeTopics("audit"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer consumer.Close()
	consumer.PollRecords(ctx, len(lines)).EachRecord(func(r *kgo.Record) {
		fmt.Printf("%s %s=%s %s\n", r.Key, r.Headers[0].Key, r.Headers[0].Value, r.Value)
	})
	// Output:
	// 2 <nil>
	// <nil>
	// acme.example/hr/a carnet-index=42 {"activity_id":99}
	// acme.example/hr/a carnet-index=43 {"activity_id":2}
}
