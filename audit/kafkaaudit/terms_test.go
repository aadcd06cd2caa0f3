package kafkaaudit_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/carnet-go/carnet/audit"
)

func created(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "audit")
	if err := audit.Create(t.Context(), dir, origin, nil); err != nil {
		t.Fatal(err)
	}
	return dir
}

func opened(t *testing.T, dir string, feed audit.Feed) (*audit.Log, error) {
	t.Helper()
	return audit.Open(t.Context(), dir, &audit.Options{Feeds: []audit.Feed{feed}, Jurisdictions: []string{"eu"}, Class: "confidential"})
}

// TestTheTerms: a topic that is kept elsewhere, or may not have what the log has, gets no
// connection.
func TestTheTerms(t *testing.T) {
	c := cluster(t)
	var asked atomic.Int64
	observe(c, kmsg.ApiVersions, func(*kmsg.ApiVersionsRequest) { asked.Add(1) })
	for name, feed := range map[string]audit.Feed{
		"elsewhere":         {Jurisdictions: []string{"us"}, Clearance: "confidential"},
		"elsewhere as well": {Jurisdictions: []string{"eu", "us"}, Clearance: "confidential"},
		"nowhere":           {Clearance: "confidential"},
		"below":             {Jurisdictions: []string{"eu"}, Clearance: "internal"},
		"nothing said":      {Jurisdictions: []string{"eu"}},
	} {
		dir := created(t)
		feed.Name, feed.To = "kafka", bare(t, c)
		if log, err := opened(t, dir, feed); log != nil || !errors.Is(err, audit.ErrFeed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("%d connections", n)
	}
	log, err := opened(t, created(t), audit.Feed{Name: "kafka", To: bare(t, c), Jurisdictions: []string{"eu"}, Clearance: "confidential"})
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Close(t.Context()); err != nil || asked.Load() == 0 {
		t.Errorf("%v, %d connections", err, asked.Load())
	}
}

// dying is the sink of a process that ends when brokers have everything, and before the log
// knows that.
type dying struct{ audit.Sink }

func (d dying) Deliver(ctx context.Context, batch []audit.Entry) (int, error) {
	if _, err := d.Sink.Deliver(ctx, batch); err != nil {
		return 0, err
	}
	return 0, errors.New("killed")
}

// TestAfterACrash lines that come again are what they were, byte by byte, under the same key
// and index, in the same partition.
func TestAfterACrash(t *testing.T) {
	c, dir := cluster(t), created(t)
	feed := audit.Feed{Name: "kafka", To: dying{bare(t, c)}, Jurisdictions: []string{"eu"}, Clearance: "confidential"}
	log, err := opened(t, dir, feed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := log.Append(t.Context(), audit.Event{Action: "crm.contact.read", Outcome: audit.OutcomeSuccess}); err != nil {
		t.Fatal(err)
	}
	if err := log.Close(t.Context()); !errors.Is(err, audit.ErrBehind) {
		t.Fatal(err)
	}
	feed.To = bare(t, c) // of the next process
	if log, err = opened(t, dir, feed); err != nil {
		t.Fatal(err)
	}
	if err := log.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	again(t, c, log.Health().Lines)
}

// again checks that a topic has each line, some more than once, and each time the same.
func again(t *testing.T, c *kfake.Cluster, lines int64) {
	t.Helper()
	all := got(t, c)
	if len(all) != 1 {
		t.Errorf("%d partitions", len(all))
	}
	kept, twice := map[int64]string{}, 0
	for _, records := range all {
		for _, r := range records {
			i := indexOf(t, r)
			said := string(r.Key) + " " + r.Headers[0].Key + " " + string(r.Value)
			if was, there := kept[i]; there {
				if twice++; was != said {
					t.Errorf("line %d was %s, and is %s", i, was, said)
				}
			}
			kept[i] = said
		}
	}
	var list []int64
	for i := range kept {
		list = append(list, i)
	}
	if slices.Sort(list); !slices.Equal(list, upTo(lines)) || twice == 0 {
		t.Errorf("%v of %d lines, %d twice", list, lines, twice)
	}
}
