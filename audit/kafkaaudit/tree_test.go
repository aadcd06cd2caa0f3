package kafkaaudit_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/audit/kafkaaudit"
)

// rootOf is that of a tree of lines, by another implementation than the log's.
func rootOf(t *testing.T, lines []string) tlog.Hash {
	t.Helper()
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) (list []tlog.Hash, _ error) {
		for _, i := range indexes {
			list = append(list, stored[i])
		}
		return list, nil
	})
	for i, line := range lines {
		hashes, err := tlog.StoredHashes(int64(i), []byte(line), reader)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, hashes...)
	}
	root, err := tlog.TreeHash(int64(len(lines)), reader)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// checkpointIn is the newest that the lines have, by the log's key.
func checkpointIn(t *testing.T, lines []string, key string) tlog.Tree {
	t.Helper()
	verifier, err := note.NewVerifier(key)
	if err != nil {
		t.Fatal(err)
	}
	for i := len(lines) - 1; i >= 0; i-- {
		var says struct{ Carnet struct{ Checkpoint string } }
		if err := json.Unmarshal([]byte(lines[i]), &says); err != nil {
			t.Fatal(err)
		}
		if says.Carnet.Checkpoint == "" {
			continue
		}
		signed, err := note.Open([]byte(says.Carnet.Checkpoint), note.VerifierList(verifier))
		if err != nil {
			t.Fatal(err)
		}
		tree, err := tlog.ParseTree([]byte("go.sum database tree\n" + strings.TrimPrefix(signed.Text, origin+"\n")))
		if err != nil {
			t.Fatal(err)
		}
		return tree
	}
	t.Fatal("no checkpoint")
	return tlog.Tree{}
}

// TestTheTree: what a topic has, in which lines stand twice, is each line by origin and index
// once, and the tree of them has the root of the log's signed checkpoint.
func TestTheTree(t *testing.T) {
	c := cluster(t)
	// The first lines are written and not acknowledged, more often than one delivery tries.
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.RequestTimedOut, Count: 4})
	sink := bare(t, c)
	log, err := audit.Open(t.Context(), created(t), &audit.Options{
		Feeds:         []audit.Feed{{Name: "kafka", To: sink, Jurisdictions: []string{"eu"}, Clearance: "internal"}},
		Jurisdictions: []string{"eu"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 200 {
		if _, err := log.Append(t.Context(), audit.Event{Action: "crm.contact.read", Outcome: audit.OutcomeSuccess}); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(t.Context()); err != nil {
		t.Fatal(err)
	}

	kept, records := map[int64]string{}, 0
	for _, partition := range got(t, c) {
		for _, r := range partition {
			records++
			if was, twice := kept[indexOf(t, r)]; twice && was != string(r.Value) || string(r.Key) != origin {
				t.Errorf("line %d stands there in two ways, or is of %s", indexOf(t, r), r.Key)
			}
			kept[indexOf(t, r)] = string(r.Value)
		}
	}
	var lines []string
	for i := range int64(len(kept)) {
		line, ok := kept[i]
		if !ok {
			t.Fatalf("line %d is missing", i)
		}
		lines = append(lines, line)
	}
	if int64(len(lines)) != log.Health().Lines || len(lines) < 200 || records == len(lines) {
		t.Errorf("%d records, %d lines of %d", records, len(lines), log.Health().Lines)
	}
	tree := checkpointIn(t, lines, log.Key())
	if got := rootOf(t, lines[:tree.N]); got != tree.Hash || tree.N < 200 {
		t.Errorf("the root of %d lines is %v, and the log signed %v", tree.N, got, tree.Hash)
	}
	lines[100] = strings.Replace(lines[100], "contact", "contacts", 1)
	if got := rootOf(t, lines[:tree.N]); got == tree.Hash {
		t.Error("another line has the same root")
	}
}

var _ audit.Sink = (*kafkaaudit.Kafka)(nil)
