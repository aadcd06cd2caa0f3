package auth_test

import (
	"io"
	"testing"
	"time"

	"github.com/carnet-go/carnet/mapping"
)

func BenchmarkNow(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_ = time.Now()
	}
}

func BenchmarkLive(b *testing.B) {
	g := gate(b, decider(allow), crm())
	grant := authorize(b, g, "crm.contact.read")
	b.ReportAllocs()
	for b.Loop() {
		if grant.Live() != nil {
			b.Fatal("ended")
		}
	}
}

func BenchmarkExplain(b *testing.B) {
	g := gate(b, decider(allow), crm())
	p := admit(b, g)
	b.ReportAllocs()
	for b.Loop() {
		_ = g.Explain(b.Context(), p, "crm.contact.read")
	}
}

// BenchmarkDo is a warm crossing with its outcome on the disk.
func BenchmarkDo(b *testing.B) {
	f := farSide(b, ok)
	g, br := broker(b, f, &key{})
	b.ReportAllocs()
	grant := authorize(b, g, "crm.contact.read")
	began := time.Now()
	for b.Loop() {
		if time.Since(began) > 10*time.Second {
			grant, began = authorize(b, g, "crm.contact.read"), time.Now()
		}
		if _, err := br.Do(b.Context(), grant, mapping.Document{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBareCall is the same call by a bare client, for the ratio.
func BenchmarkBareCall(b *testing.B) {
	f := farSide(b, ok)
	client := f.Client()
	b.ReportAllocs()
	for b.Loop() {
		response, err := client.Get(f.URL)
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.ReadAll(response.Body)
		response.Body.Close()
	}
}
