package awsvault_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault/awsvault"
)

func TestIssueAll(t *testing.T) {
	f := start(t)
	var paths []string
	for i := range 45 {
		path := fmt.Sprintf("app/s%d", i)
		paths = append(paths, path)
		if i%10 != 9 {
			f.put("prod/"+path, fmt.Sprintf(`{"key":"k%d"}`, i))
		}
	}
	f.stage("prod/app/pending", "new", "AWSPENDING")
	f.put("prod/app/deleted", "gone")
	f.secrets["prod/app/deleted"].deleted = true
	more := []string{"app/pending", "app/deleted", "app/s0", "app/s0", "", "../app/s1", "APP/S1"}
	b := f.vault(t, &awsvault.Options{Prefix: "prod/"})
	answers := b.IssueAll(t.Context(), append(paths, more...))
	if len(answers) != 50 {
		t.Errorf("%d answers", len(answers))
	}
	for i, path := range paths {
		a := answers[path]
		if i%10 == 9 {
			if a.Err != auth.ErrUndeclared || a.Issued.Fields != nil {
				t.Errorf("%s: %v", path, a.Err)
			}
		} else if a.Err != nil || !has(a.Issued, map[string]string{"key": fmt.Sprintf("k%d", i)}) || a.Issued.Version == "" {
			t.Errorf("%s: %v", path, a.Err)
		}
	}
	for _, path := range []string{"app/pending", "app/deleted", "", "../app/s1", "APP/S1"} {
		if a, ok := answers[path]; !ok || a.Err != auth.ErrUndeclared {
			t.Errorf("%q: %v", path, a.Err)
		}
	}
	if n := len(f.seen()); n != 3 {
		t.Errorf("%d requests", n)
	}
	if got := b.IssueAll(t.Context(), nil); len(got) != 0 || len(f.seen()) != 3 {
		t.Errorf("of none: %v", got)
	}
}

// entry is one good secret of a batch.
func entry(name string) map[string]any {
	return map[string]any{"Name": name, "VersionId": "v1", "SecretString": "k3y", "VersionStages": []string{"AWSCURRENT"}}
}

// TestBatchAnswers: an error of one is its own, what nobody asked for is left out, and what
// is said twice is no answer.
func TestBatchAnswers(t *testing.T) {
	f := start(t)
	f.hook = say(http.StatusOK, map[string]any{
		"SecretValues": []any{entry("good"), entry("twice"), entry("twice"), entry("both"), entry("foreign")},
		"Errors": []any{
			map[string]string{"SecretId": "denied", "ErrorCode": "AccessDeniedException", "Message": canary},
			map[string]string{"SecretId": "key", "ErrorCode": "DecryptionFailure"},
			map[string]string{"SecretId": "throttled", "ErrorCode": "ThrottlingException"},
			map[string]string{"SecretId": "deleted", "ErrorCode": "InvalidRequestException", "Message": "because it was marked for deletion."},
			map[string]string{"SecretId": "new", "ErrorCode": "SomethingNew"},
			map[string]string{"SecretId": "both", "ErrorCode": "InternalServiceError"},
		},
	})
	want := map[string]error{
		"good": nil, "twice": auth.ErrInvalid, "both": auth.ErrInvalid, "denied": auth.ErrDenied, "key": auth.ErrDenied, "throttled": auth.ErrThrottled,
		"deleted": auth.ErrUndeclared, "new": auth.ErrUnavailable, "missing": auth.ErrUndeclared,
	}
	var paths []string
	for path := range want {
		paths = append(paths, path)
	}
	answers := f.vault(t, nil).IssueAll(t.Context(), paths)
	if len(answers) != len(want) {
		t.Errorf("%d answers", len(answers))
	}
	for path, err := range want {
		if a := answers[path]; a.Err != err || (a.Issued.Fields == nil) != (err != nil) {
			t.Errorf("%s: %v, want %v", path, a.Err, err)
		}
	}
}

// TestBatchFails: what fails as a whole ends it, and what came before stays.
func TestBatchFails(t *testing.T) {
	f := start(t)
	var paths []string
	for i := range 60 {
		paths = append(paths, fmt.Sprintf("s%d", i))
		f.put(paths[i], "k3y")
	}
	b := f.vault(t, nil)
	calls := 0
	f.hook = func(w http.ResponseWriter, _ *http.Request, _ string) {
		if calls++; calls > 1 {
			refuse(w, http.StatusBadRequest, "ThrottlingException", canary)
			return
		}
		var values []any
		for _, path := range paths[:20] {
			values = append(values, entry(path))
		}
		reply(w, http.StatusOK, map[string]any{"SecretValues": values})
	}
	answers := b.IssueAll(t.Context(), paths)
	for i, path := range paths {
		if err := answers[path].Err; i < 20 && err != nil || i >= 20 && !errors.Is(err, auth.ErrThrottled) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if calls != 2 {
		t.Errorf("%d requests", calls)
	}
}

// TestBatchPages: an answer may come in parts, but not in more than there are secrets.
func TestBatchPages(t *testing.T) {
	f := start(t)
	paths, last := []string{"a", "b", "c"}, 3
	calls := 0
	f.hook = func(w http.ResponseWriter, _ *http.Request, _ string) {
		var in struct{ NextToken string }
		seen := f.seen()
		if err := json.Unmarshal([]byte(seen[len(seen)-1].body), &in); err != nil || calls > 0 && in.NextToken != fmt.Sprint("page", calls) {
			refuse(w, http.StatusBadRequest, "InvalidNextTokenException", "")
			return
		}
		body := map[string]any{"SecretValues": []any{entry(paths[calls%3])}}
		if calls++; calls != last {
			body["NextToken"] = fmt.Sprint("page", calls)
		}
		reply(w, http.StatusOK, body)
	}
	b := f.vault(t, nil)
	for path, a := range b.IssueAll(t.Context(), paths) {
		if a.Err != nil {
			t.Errorf("%s: %v", path, a.Err)
		}
	}
	calls, last = 0, -1
	b.IssueAll(t.Context(), paths)
	if calls != 3 {
		t.Errorf("%d requests", calls)
	}
	calls = 0
	if a := b.IssueAll(t.Context(), []string{"b", "other"})["other"]; a.Err != auth.ErrInvalid || calls != 2 {
		t.Errorf("without an end: %v", a.Err)
	}
}
