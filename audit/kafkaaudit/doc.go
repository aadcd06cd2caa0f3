// Package kafkaaudit delivers the lines of a log to a Kafka topic.
//
//	sink, err := kafkaaudit.New([]string{"kafka-1.acme.example:9093"}, "audit", &kafkaaudit.Options{
//		TLS:  &tls.Config{RootCAs: roots},
//		SASL: scram.Sha512(func(context.Context) (scram.Auth, error) { … }),
//	})
//	feed := audit.Feed{Name: "kafka", To: sink, Jurisdictions: []string{"eu"}, Clearance: "internal"}
//	…
//	err = log.Close(ctx)  // and then
//	err = sink.Close(ctx)
//
// # Guarantees
//
// Each line is one record: its value is the line's exact bytes, so its RFC 6962 leaf is
// SHA-256 of a zero byte and the value; its key is the log's origin, and the one header,
// carnet-index, its index in decimal. Whoever keeps records by key and index keeps each line
// once, sees what is missing, and can hold what it has against any checkpoint, of which the
// newest are lines themselves. All lines of a log go to one partition, by their key, in
// order; many logs may share a topic.
//
// A line counts when the broker has said that all in-sync replicas have it (acks=all), and
// all lines before it count. The producer is idempotent: within a delivery a request whose
// answer was lost is sent again, three times in all, and written once. Neither can be switched
// off. When Deliver returns an error, with its context at the latest, the client and its
// connections are gone: nothing is tried again behind the caller's back. What brokers had
// been sent until then they may still write; those lines come again with the next delivery,
// under the same index.
//
// So the topic has every line that counts; behind a failure some twice, and a late one
// perhaps behind newer ones. Never is a line left out.
//
// TLS is 1.2 or newer, unless Options.InsecurePlaintext says otherwise, and then nothing but
// loopback is dialled, whatever address a broker names. No topic is created. A topic that is
// compacted, which would keep one line of each log, is refused where the client may see that
// (DescribeConfigs on the topic). Brokers without idempotent producers are refused.
//
// # Limits
//
// That all in-sync replicas have a line is worth what the topic's min.insync.replicas says:
// with 1, one broker may be all of them. Retention is the topic's; a record has the time at
// which it was sent, so that late lines are kept as long as others. Who raises the number of
// partitions moves logs to other ones: order holds within each.
//
// The topic's max.message.bytes has to be 66,560 or more; no request carries more of a
// partition at once, and nothing is compressed. A delivery after one that failed has a new
// producer id, which brokers remember for a day. The client needs Write and Describe on the
// topic. What it is let in with (SASL) is a plain string in franz-go below; a mechanism made
// of a function is asked for each connection.
//
// Which brokers there are, the cluster says: their certificates hold off others, and what
// Feed.Jurisdictions says has to be true of all of them, and of what copies the topic.
//
// Anybody with Write on the topic can write records with any key: a reader trusts the tree,
// not the topic.
//
// # Errors
//
// [ErrNoTopic], [ErrTooLarge], [ErrCompacted] and [ErrTooOld] say what an operator has to
// change. They, and all others, are an [audit.SinkError]: invalid, also where the Kafka is
// closed or zero; denied, where a certificate, a login or a right was refused; throttled;
// unavailable. That of the context where it ended first. None has an address, the topic or
// text of a broker.
//
// # Concurrency
//
// A Kafka is safe for concurrent use, and delivers one batch after another. A client that
// works is kept from one delivery to the next, with its goroutines, until Close.
package kafkaaudit
