package webhookaudit

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/carnet-go/carnet/audit"
)

const (
	eventPath = "/services/collector/event"
	ackPath   = "/services/collector/ack"

	requestBytes = 256 << 10
	pollFirst    = 100 * time.Millisecond
	pollMost     = 2 * time.Second
	pollFailures = 3
)

// HEC is an audit.Sink: Splunk's HTTP Event Collector with indexer acknowledgement. The zero
// HEC delivers nothing.
type HEC struct {
	URL   string                                // of the collector, such as https://splunk.acme.example:8088
	Token func(context.Context) (string, error) // required; without the word Splunk
	TLS   *tls.Config                           // nil: the system's roots, and no client certificate

	Channel    string // a GUID; empty: one of the log's origin
	Index      string // empty: the token's
	Source     string // empty: the log's origin
	SourceType string // empty: carnet:audit
	Host       string // empty: the token's
}

// Check says whether it is complete.
func (h HEC) Check() error {
	_, err := h.endpoint()
	return err
}

func (h HEC) endpoint() (endpoint, error) {
	if h.Token == nil || h.Channel != "" && !isGUID(h.Channel) {
		return endpoint{}, invalid()
	}
	return newEndpoint(h.URL, h.TLS, func(ctx context.Context) (string, error) {
		token, err := h.Token(ctx)
		if err != nil || token == "" {
			return "", err
		}
		return "Splunk " + token, nil
	})
}

func isGUID(s string) bool {
	for i := range len(s) {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		hex := s[i] >= '0' && s[i] <= '9' || s[i] >= 'a' && s[i] <= 'f' || s[i] >= 'A' && s[i] <= 'F'
		if dash != (s[i] == '-') || !dash && !hex {
			return false
		}
	}
	return len(s) == 36
}

// channel tells acknowledgements apart: one for each log, as a UUID version 8 (RFC 9562).
func (h HEC) channel(origin string) string {
	if h.Channel != "" {
		return h.Channel
	}
	sum := sha256.Sum256([]byte("carnet audit channel " + origin))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// parcel is one request that was taken and waits for the indexer.
type parcel struct {
	count int // of entries
	id    int64
	acked bool
}

// Deliver is for audit.Sink.
func (h HEC) Deliver(ctx context.Context, batch []audit.Entry) (int, error) {
	to, err := h.endpoint()
	if err != nil || len(batch) == 0 {
		return 0, err
	}
	channel := h.channel(batch[0].Origin)
	parcels, failed := h.send(ctx, to.at(eventPath, ""), channel, batch)
	err = wait(ctx, to.at(ackPath, "channel="+channel), channel, parcels)
	if failed != nil {
		err = failed
	}
	n := 0
	for _, p := range parcels {
		if !p.acked {
			break
		}
		n += p.count
	}
	return n, err
}

// send posts until a request is not taken.
func (h HEC) send(ctx context.Context, to endpoint, channel string, batch []audit.Entry) (parcels []parcel, err error) {
	for len(batch) > 0 {
		var body []byte
		n := 0
		for n < len(batch) && (n == 0 || len(body) < requestBytes) {
			if body, err = h.event(body, batch[n]); err != nil {
				return parcels, err
			}
			n++
		}
		answer, err := to.post(ctx, body, headerOf(channel))
		if err != nil {
			return parcels, err
		}
		var says struct {
			Code  *int
			AckID *int64 `json:"ackId"`
		}
		if json.Unmarshal(answer, &says) != nil || says.Code == nil || *says.Code != 0 || says.AckID == nil {
			return parcels, invalid()
		}
		if len(parcels) > 0 && *says.AckID <= parcels[len(parcels)-1].id {
			// It counts anew: it has crashed, and what it had in hand is gone.
			return nil, &audit.SinkError{Class: classUnavailable}
		}
		parcels = append(parcels, parcel{count: n, id: *says.AckID})
		batch = batch[n:]
	}
	return parcels, nil
}

func headerOf(channel string) http.Header {
	return http.Header{"Content-Type": {"application/json"}, "X-Splunk-Request-Channel": {channel}}
}

// event is a line as Splunk takes it: its bytes are not touched, because they are JSON.
func (h HEC) event(body []byte, e audit.Entry) ([]byte, error) {
	type fields struct {
		Origin string `json:"origin"`
		Index  string `json:"index"`
	}
	source, sourceType := h.Source, h.SourceType
	if source == "" {
		source = e.Origin
	}
	if sourceType == "" {
		sourceType = "carnet:audit"
	}
	head, err := json.Marshal(struct {
		Time       json.Number `json:"time"`
		Host       string      `json:"host,omitempty"`
		Source     string      `json:"source"`
		SourceType string      `json:"sourcetype"`
		Index      string      `json:"index,omitempty"`
		Fields     fields      `json:"fields"`
	}{
		json.Number(fmt.Sprintf("%d.%03d", e.Time.Unix(), e.Time.Nanosecond()/1e6)),
		h.Host, source, sourceType, h.Index, fields{e.Origin, strconv.FormatInt(e.Index, 10)},
	})
	if err != nil || !json.Valid(e.Line) {
		return nil, invalid()
	}
	body = append(body, head[:len(head)-1]...)
	body = append(append(body, `,"event":`...), e.Line...)
	return append(body, "}\n"...), nil
}

// wait asks until the indexer has all parcels, or ctx ends, or nobody answers.
func wait(ctx context.Context, to endpoint, channel string, parcels []parcel) error {
	failures := 0
	for pause := pollFirst; ; pause = min(2*pause, pollMost) {
		open := waiting(parcels)
		if len(open) == 0 {
			return nil
		}
		err := ask(ctx, to, channel, parcels, open)
		if err == nil {
			failures = 0
		} else if failures++; failures == pollFailures || ctx.Err() != nil {
			return err
		}
		if len(waiting(parcels)) == 0 {
			return nil
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func waiting(parcels []parcel) (open []int64) {
	for _, p := range parcels {
		if !p.acked {
			open = append(open, p.id)
		}
	}
	return open
}

// ask marks what the indexer has. It forgets what it has told.
func ask(ctx context.Context, to endpoint, channel string, parcels []parcel, open []int64) error {
	body, err := json.Marshal(map[string][]int64{"acks": open})
	if err != nil {
		return invalid()
	}
	answer, err := to.post(ctx, body, headerOf(channel))
	if err != nil {
		return err
	}
	var says struct{ Acks map[string]bool }
	if json.Unmarshal(answer, &says) != nil || says.Acks == nil {
		return invalid()
	}
	for i := range parcels {
		if slices.Contains(open, parcels[i].id) && says.Acks[strconv.FormatInt(parcels[i].id, 10)] {
			parcels[i].acked = true
		}
	}
	return nil
}
