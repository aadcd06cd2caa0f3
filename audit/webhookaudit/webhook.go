// Package webhookaudit posts the lines of a log to an HTTPS endpoint, and to a Splunk HTTP
// Event Collector.
//
//	hook := webhookaudit.Webhook{URL: "https://siem.acme.example/carnet", Authorization: header}
//	splunk := webhookaudit.HEC{URL: "https://splunk.acme.example:8088", Token: token}
//	feed := audit.Feed{Name: "siem", To: hook, Jurisdictions: []string{"eu"}, Clearance: "internal"}
//
// # Guarantees
//
// A batch of a [Webhook] is one POST of the lines' exact bytes, each with a newline
// (application/x-ndjson), with these headers:
//
//	Carnet-Origin: acme.example/hr/a
//	Carnet-First: 42
//	Carnet-Count: 17
//	Idempotency-Key: acme.example/hr/a/42+17
//
// The n-th line has the index Carnet-First + n: whoever keeps lines by origin and index
// keeps each once. An answer of 200 to 299 is for all lines; with Webhook.Acknowledges it
// has to be {"acked":n}, and is for the first n. Nothing else is delivered.
//
// A batch of a [HEC] is one or more POSTs of events of up to 256 KiB each, with the line as
// event and origin and index as fields. That Splunk took them is not enough: lines count
// when the indexer has acknowledged their request and all before it.
//
// Both: redirects are not followed, no proxy of the environment is used, no cookie is kept,
// TLS is 1.2 or newer, answers are read up to 64 KiB, and each request has a connection of
// its own. A Retry-After is heeded. What is secret comes from a function for each request,
// so no value that can be printed has it.
//
// # Limits
//
// What 200 means is the far side's word. A URL is no secret here. Splunk acknowledges when
// an indexer has written, which takes seconds: give such a feed a Within of a minute. A token
// without acknowledgement (useACK) delivers nothing, and Splunk Cloud offers it only to some.
// Events longer than the TRUNCATE of their source type are cut by Splunk.
//
// # Errors
//
// [audit.SinkError]: invalid, where the value is not complete, or the far side does not
// understand; denied: 401 and 403; throttled: 429, and where nothing of a batch was taken;
// unavailable: no connection, another answer, or no secret. That of the context where it
// ended. None has the URL or text of the far side.
//
// # Concurrency
//
// Both are plain values, safe for concurrent use.
package webhookaudit

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/carnet-go/carnet/audit"
)

// Webhook is an audit.Sink. The zero Webhook delivers nothing.
type Webhook struct {
	URL string // https, or http on a loopback host; without user and fragment
	// Authorization is the whole value of that header, such as "Bearer …". Nil: none is sent.
	Authorization func(context.Context) (string, error)
	TLS           *tls.Config // nil: the system's roots, and no client certificate
	Acknowledges  bool        // the far side answers {"acked":n}; false: its status is for all
}

// Check says whether it is complete.
func (w Webhook) Check() error {
	_, err := w.endpoint()
	return err
}

func (w Webhook) endpoint() (endpoint, error) { return newEndpoint(w.URL, w.TLS, w.Authorization) }

// Deliver is for audit.Sink.
func (w Webhook) Deliver(ctx context.Context, batch []audit.Entry) (int, error) {
	to, err := w.endpoint()
	if err != nil || len(batch) == 0 {
		return 0, err
	}
	first, count := strconv.FormatInt(batch[0].Index, 10), strconv.Itoa(len(batch))
	var body bytes.Buffer
	for _, e := range batch {
		body.Write(e.Line)
		body.WriteByte('\n')
	}
	answer, err := to.post(ctx, body.Bytes(), http.Header{
		"Content-Type":    {"application/x-ndjson"},
		"Carnet-Origin":   {batch[0].Origin},
		"Carnet-First":    {first},
		"Carnet-Count":    {count},
		"Idempotency-Key": {batch[0].Origin + "/" + first + "+" + count},
	})
	if err != nil {
		return 0, err
	}
	if !w.Acknowledges {
		return len(batch), nil
	}
	return acked(answer, len(batch))
}

// acked reads {"acked":n}.
func acked(answer []byte, most int) (int, error) {
	var says struct{ Acked *int }
	if json.Unmarshal(answer, &says) != nil || says.Acked == nil || *says.Acked < 0 || *says.Acked > most {
		return 0, &audit.SinkError{Class: classInvalid}
	}
	if *says.Acked == 0 {
		return 0, &audit.SinkError{Class: classThrottled}
	}
	return *says.Acked, nil
}
