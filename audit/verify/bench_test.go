package verify_test

import (
	"context"
	"crypto/sha256"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/carnet-go/carnet/audit/verify"
)

// event is an allowed call, as package audit encodes it.
const event = `{"activity_id":2,"actor":{"idp":{"uid":"https://login.acme.example"},"user":{"uid":"p%030d"}},` +
	`"api":{"operation":"crm.contact.read","service":{"name":"crm"}},"category_uid":6,"class_uid":6003,` +
	`"dst_endpoint":{"name":"crm","zone":"partner"},"metadata":{"extensions":[{"name":"carnet","uid":"999","version":"1"}],` +
	`"product":{"name":"carnet","vendor_name":"carnet"},"tenant_uid":"acme","version":"1.6.0"},"severity_id":1,` +
	`"src_endpoint":{"instance_uid":"a","svc_name":"acme.example/hr/a"},"status_id":1,"time":1795382%06d,"type_uid":600302,` +
	`"carnet":{"level":2,"acr":"urn:acme:mfa","amr":["pwd","otp"],"scopes":["contacts"],"jurisdictions":["eu"],"effect":"read-only",` +
	`"decision":"allowed","rule":"readers","rule_at":"policy.json:12","grant":"g-%030d","start_by":1795382%06d,"not_after":1795383%06d,` +
	`"boundary":"%s"}}`

// bulk is a log of about 64 MB: lines of the length and the shapes that package audit writes,
// three kinds in turn, 32 to a batch, a checkpoint event in each thousandth.
func bulk(b *testing.B) (fstest.MapFS, string) {
	key := newSigner(b, origin, 1)
	w := newWriter(b, key)
	w.genesis()
	w.commit()
	kinds := []string{event,
		strings.NewReplacer(`"decision":"allowed",`, ``, `"scopes":["contacts"],`, ``).Replace(event),
		strings.NewReplacer(`"allowed"`, `"denied"`, `"status_id"`, `"status_code":"too-late","status_id"`).Replace(event)}
	for n := range 64 << 10 {
		w.line(kinds[n%len(kinds)], n, n, n, n, n, strings.Repeat("0f", 32))
		if n%32 == 31 {
			w.commit()
		}
		if n%1000 == 999 {
			w.commitOpen()
			w.inband()
		}
	}
	w.commitOpen()
	w.inband()
	return w.files(), key.vkey
}

func BenchmarkDir(b *testing.B) {
	log, key := bulk(b)
	b.SetBytes(int64(len(log[segment].Data)))
	b.ReportAllocs()
	for b.Loop() {
		if r, err := verify.Dir(context.Background(), log, []string{key}); err != nil || len(r.Findings) > 0 {
			b.Fatal(r, err)
		}
	}
}

// BenchmarkSHA256 hashes the same bytes once, on one core.
func BenchmarkSHA256(b *testing.B) {
	log, _ := bulk(b)
	data := log[segment].Data
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		sha256.Sum256(data)
	}
}
