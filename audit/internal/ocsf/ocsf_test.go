package ocsf_test

import (
	"reflect"
	"testing"

	"github.com/carnet-go/carnet/audit/internal/ocsf"
)

func TestOf(t *testing.T) {
	for action, want := range map[string]struct {
		kind, category, state int64
		finding               string
	}{
		"audit.genesis": {600201, 6, 0, ""}, "audit.checkpoint": {600299, 6, 0, ""}, "audit.segment": {600299, 6, 0, ""}, "gate.open": {600203, 6, 0, ""},
		"gate.admit": {300201, 3, 0, ""}, "gate.refuse": {300201, 3, 0, ""},
		"gate.freeze": {200401, 2, ocsf.New, "gate.freeze"}, "gate.thaw": {200403, 2, ocsf.Resolved, "gate.freeze"},
		"vault.refuse": {200401, 2, ocsf.New, "vault.refuse"}, "vault.accept": {200403, 2, ocsf.Resolved, "vault.refuse"},
		"run.park": {200401, 2, ocsf.New, "run.park"}, "run.retry": {200402, 2, ocsf.InProgress, "run.park"}, "run.settle": {200402, 2, ocsf.InProgress, "run.park"},
		"audit.lag": {200401, 2, ocsf.New, "audit.lag"}, "audit.gap": {200401, 2, ocsf.New, "audit.gap"}, "audit.again": {200401, 2, ocsf.New, "audit.again"}, "audit.abandoned": {200401, 2, ocsf.New, "audit.abandoned"}, "audit.caughtup": {200403, 2, ocsf.Resolved, "audit.lag"},
		"crm.contact.read": {600399, 6, 0, ""}, "auditor.note.read": {600399, 6, 0, ""}, "": {600399, 6, 0, ""},
	} {
		c := ocsf.Of(action)
		finding := c.UID == ocsf.Finding
		if c.Type() != want.kind || c.Category() != want.category || c.Finding != want.finding || finding != (want.finding != "") || finding != (c.Severity != 0) {
			t.Errorf("%s: %+v, want %+v", action, c, want)
		}
		if finding && c.State() != want.state {
			t.Errorf("%s: state %d, want %d", action, c.State(), want.state)
		}
	}
}

// TestParse: whatever the class, it stands in one place then.
func TestParse(t *testing.T) {
	const crossing = `"actor":{"idp":{"uid":"i"},"user":{"uid":"s"}},"api":{"operation":"a.b"},"dst_endpoint":{"name":"n","zone":"z"},"src_endpoint":{"instance_uid":"x"}`
	for line, want := range map[string]struct {
		operation, instance, system string
		status                      uint8
	}{
		`{"class_uid":6003,` + crossing + `,"status_id":1}`:                                                               {"a.b", "x", "n", 1},
		`{"class_uid":2004,"evidences":[{` + crossing + `}],"status_id":4,"carnet":{"outcome_id":2}}`:                     {"a.b", "x", "n", 2},
		`{"class_uid":3002,"dst_endpoint":{"name":"n"},"src_endpoint":{"instance_uid":"x"},"carnet":{"operation":"a.b"}}`: {"a.b", "x", "n", 0},
		`{"class_uid":6002,"carnet":{"operation":"a.b","instance":"x"},"status_id":1}`:                                    {"a.b", "x", "", 1},
	} {
		l, ok := ocsf.Parse([]byte(line))
		if !ok || l.API.Operation != want.operation || l.Src.Instance != want.instance || l.Dst.Name != want.system || l.Status != want.status {
			t.Errorf("%s: %+v", line, l)
		}
	}
	for _, line := range []string{``, `{`, `[]`, `{"class_uid":"6003"}`, `{"class_uid":2004}`, `{"class_uid":2004,"evidences":[]}`, `{"class_uid":2004,"evidences":[{},{}]}`, `{"time":1e400}`} {
		if l, ok := ocsf.Parse([]byte(line)); ok || !reflect.DeepEqual(l, ocsf.Line{}) {
			t.Errorf("%s was read", line)
		}
	}
}
